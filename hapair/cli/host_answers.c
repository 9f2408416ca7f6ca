#include "hapair/cli/host_answers.h"

#include "core/fd.h"
#include "failover/vip/netlink.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A host that is there answers within one; a busy one within some. */
#define ANSWER_MS 300

/* On one interface. */
struct look {
	const struct config_node *other;
	struct netlink *netlink;
	const char *interface;
	const union addr *vip;
	bool has_vip, is_known, answered, peer_answered;
	struct netlink_neighbour old;
	uint8_t mac[NETLINK_MAC_BYTES], peer_mac[NETLINK_MAC_BYTES];
};

static void
look_at_own(void *arg, const struct netlink_address *a)
{
	struct look *l = arg;

	l->has_vip |= addr_is_same_ip(&a->addr, l->vip);
}

static void
look_for_old(void *arg, const struct netlink_neighbour *a)
{
	struct look *l = arg;

	if (addr_is_same_ip(&a->addr, l->vip)) {
		l->is_known = true;
		l->old = *a;
	}
}

/* What is known of it may be of yesterday. */
static int
forget(struct look *l, int index)
{
	const int e =
	    netlink_each_neighbour(l->netlink, index, look_for_old, l);

	return e < 0 || !l->is_known
	    ? e
	    : netlink_forget_neighbour(l->netlink, &l->old);
}

static bool
is_of_peer(const struct look *l, const union addr *a)
{
	if (addr_is_same_ip(&l->other->address, a))
		return true;
	for (size_t i = 0; i < l->other->n_links; i++)
		if (addr_is_same_ip(&l->other->links[i], a))
			return true;
	return false;
}

static void
look_at_neighbour(void *arg, const struct netlink_neighbour *a)
{
	struct look *l = arg;

	if (!a->answered)
		return;
	if (addr_is_same_ip(&a->addr, l->vip)) {
		l->answered = true;
		memcpy(l->mac, a->mac, sizeof(l->mac));
	} else if (is_of_peer(l, &a->addr)) {
		l->peer_answered = true;
		memcpy(l->peer_mac, a->mac, sizeof(l->peer_mac));
	}
}

/* An empty datagram: before it the kernel asks who has the address. */
static bool
send_to(const struct look *l, uint16_t port)
{
	CLEANUP(fd_close)
	int fd = socket(l->vip->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union addr to = *l->vip;

	addr_set_port(&to, port);
	return fd != -1 &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->interface,
	        (socklen_t)strlen(l->interface)) != -1 &&
	    sendto(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL, &to.sa,
	        addr_len(&to)) != -1;
}

static void
wait_for_answer(struct look *l, int index)
{
	static const struct timespec pause = { .tv_nsec = 20 * 1000000 };

	for (unsigned ms = 0; ms < ANSWER_MS && !l->answered; ms += 20) {
		(void)nanosleep(&pause, NULL);
		if (netlink_each_neighbour(
		        l->netlink, index, look_at_neighbour, l) < 0)
			return;
	}
}

static void
tell(struct host_report *m, const struct config_group *g, const struct look *l)
{
	char ip[ADDR_TEXT_MAX], mac[sizeof("00:00:00:00:00:00")];
	const char *peer = l->other->name;

	(void)addr_format_ip(l->vip, ip);
	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
	    l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5]);
	if (l->peer_answered &&
	    memcmp(l->mac, l->peer_mac, sizeof(l->mac)) == 0) {
		if (!m->peer_runs)
			host_report_tell(m, HOST_REPORT_WARNING,
			    "group %s: peer %s has %s, and no hapair runs there; one of an earlier run `hapair release` there removes, one of another program, such as keepalived, goes when that ends",
			    g->name, peer, ip);
		return;
	}
	/* The peer may have another interface there. */
	if (m->peer_runs)
		host_report_tell(m,
		    l->peer_answered ? HOST_REPORT_WARNING : HOST_REPORT_OK,
		    "group %s: %s answers for %s on interface %s; expected an interface of %s to have this address",
		    g->name, mac, ip, l->interface, peer);
	else
		host_report_tell(m, HOST_REPORT_ERROR,
		    "group %s: another host, %s on interface %s, answers for %s; find it, and take the address from it",
		    g->name, mac, l->interface, ip);
}

static void
check_address(struct host_report *m, struct netlink *n,
    const struct config_group *g, const struct config_address *vip)
{
	const struct config_pair *pair = &m->config->pair;
	struct look l = { .other = &pair->nodes[1 - m->node],
		.netlink = n,
		.interface = g->interfaces[vip->at],
		.vip = &vip->addr };
	struct netlink_link link;

	if (netlink_find_link(n, l.interface, &link) < 0 || link.index == 0 ||
	    !link.ethernet || !link.carrier ||
	    netlink_each_address(n, look_at_own, &l) < 0 || l.has_vip ||
	    forget(&l, link.index) < 0 || !send_to(&l, pair->port))
		return;
	wait_for_answer(&l, link.index);
	if (l.answered)
		tell(m, g, &l);
}

void
host_answers_check(struct host_report *m)
{
	const struct config_pair *pair = &m->config->pair;
	struct netlink *n;

	/* One that runs looks itself, all the time. */
	if (m->running || netlink_open(&n) < 0)
		return; /* that it cannot be opened has been told */
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_addresses; k++)
			check_address(m, n, &pair->groups[i],
			    &pair->groups[i].addresses[k]);
	netlink_free(n);
}

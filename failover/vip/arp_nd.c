#include "failover/vip/arp_nd.h"

#include "core/fd.h"
#include "core/socket_filter.h"
#include "failover/election/node_view.h"
#include "failover/vip/arp_nd_seen.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Read at once; a flood must not keep us from the heartbeat. */
#define BUDGET 64

#define DISCARD_PORT 9 /* RFC 863 */

_Static_assert(CONFIG_GROUPS_MAX *CONFIG_GROUP_ADDRESSES_MAX + 1 <=
        SOCKET_FILTER_ADDRESSES_MAX,
    "ARP is heard of the peer and of every address");

struct arp_nd {
	int arp, advert; /* what they say; -1: none */
	ev_io arp_ready, advert_ready;
};

/* A LAN talks ARP all day: only what is about us shall wake us. */
static int
filter_arp(const struct role *role, int fd)
{
	const struct config_pair *pair = &role->config->pair;
	struct socket_filter filter;

	socket_filter_begin(&filter, SOCKET_FILTER_ARP, AF_INET);
	socket_filter_add(&filter, &role->other->address);
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_addresses; k++)
			socket_filter_add(
			    &filter, &pair->groups[i].addresses[k].addr);
	return fd_attach_filter(fd, &filter);
}

static int
open_arp(const struct role *role, int *ret_fd)
{
	CLEANUP(fd_close) int fd = -1;
	const struct sockaddr_ll all = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP) };
	const struct fd_option deaf = { SOL_PACKET, PACKET_IGNORE_OUTGOING, 1 };
	int e;

	/* Protocol 0: it hears nothing before its filter is there. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	e = filter_arp(role, fd);
	if (e == 0)
		e = fd_set_options(fd, &deaf, 1);
	if (e < 0)
		return e;
	if (bind(fd, (const struct sockaddr *)&all, sizeof(all)) == -1)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int
open_advert(int *ret_fd)
{
	CLEANUP(fd_close) int fd = -1;
	struct icmp6_filter only;
	const int on = 1;

	fd = socket(
	    AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (fd == -1)
		return -errno;
	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &only);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only)) ==
	    -1)
		return -errno;
	/* RFC 4861 7.1.2: 255, or it has come through a router. */
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) ==
	        -1 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) ==
	        -1)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

int
arp_nd_fd(const struct role *role)
{
	return role->arp_nd->arp;
}

/* By its hardware address; who does not say it may be anybody. */
static bool
is_our_own(const struct netlink_link *link, const struct arp_nd_seen *s)
{
	static const uint8_t unsaid[ARP_ND_FRAME_MAC_BYTES];

	return memcmp(s->mac, unsaid, sizeof(unsaid)) != 0 &&
	    memcmp(s->mac, link->mac, sizeof(unsaid)) == 0;
}

/* -1: it is none of the group's. */
static int
find_address(const struct config_group *c, const union addr *a)
{
	for (size_t i = 0; i < c->n_addresses; i++)
		if (addr_is_same_ip(&c->addresses[i].addr, a))
			return (int)i;
	return -1;
}

/*
 * Where we serve, or ask, the election says who must not have it. Beside a
 * master that is heard it has nothing to decide, and people want to know.
 */
static void
note_shown(struct role_group *g, unsigned k, unsigned address,
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES])
{
	const struct mono now = mono_now();

	address_conflict_see(&g->conflict, address, mac);
	if (node_view_is_third(role_node(g->role), g->index, k, mac, now))
		address_conflict_note(&g->conflict, false, now);
}

static void
saw_on(struct role_group *g, unsigned k, const struct arp_nd_seen *s)
{
	const int address = find_address(g->config, &s->addr);
	struct inbox *inbox = &g->role->inbox;
	struct node_event ev = {
		.type = NODE_SHOWN, .group = g->index, .segment = k + 1
	};

	memcpy(ev.shown.mac, s->mac, sizeof(ev.shown.mac));
	ev.shown.own = addr_is_same_ip(&s->addr, &g->role->other->address);
	if (address >= 0)
		note_shown(g, k, (unsigned)address, s->mac);
	else if (!ev.shown.own)
		ev = (struct node_event){ .type = NODE_SOMEBODY,
			.group = g->index,
			.segment = k + 1 };
	inbox_put(inbox, &ev);
}

static void
saw(struct role *role, int interface, const struct arp_nd_seen *s)
{
	for (size_t i = 0; i < role->n_groups; i++) {
		struct role_group *g = &role->groups[i];

		for (unsigned k = 0; k < g->config->n_interfaces; k++)
			if (interface == g->vip.links[k].index &&
			    !is_our_own(&g->vip.links[k], s))
				saw_on(g, k, s);
	}
}

static void
on_arp(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);

	for (int i = 0; i < BUDGET; i++) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_len = sizeof(from);
		uint8_t frame[64];
		struct arp_nd_seen s;
		ssize_t n = recvfrom(role->arp_nd->arp, frame, sizeof(frame),
		    MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

		if (n == -1)
			break; /* nothing left, or an interface went down */
		if (arp_nd_seen_read_arp(frame, (size_t)n, &s))
			saw(role, from.sll_ifindex, &s);
	}
}

/* The interface of a message that was not routed; 0: leave it alone. */
static int
interface_of(struct msghdr *m)
{
	int interface = 0, hops = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&hops, CMSG_DATA(c), sizeof(hops));
		if (c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		interface = (int)info.ipi6_ifindex;
	}
	return hops == 255 ? interface : 0;
}

static void
on_advert(struct ev_loop *loop, ev_io *w, int revents)
{
	struct role *role = ev_userdata(loop);

	for (int i = 0; i < BUDGET; i++) {
		_Alignas(struct cmsghdr) uint8_t control[128];
		uint8_t message[256];
		struct iovec room = { message, sizeof(message) };
		struct msghdr m = { .msg_iov = &room,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control) };
		struct arp_nd_seen s;
		ssize_t n = recvmsg(role->arp_nd->advert, &m, MSG_DONTWAIT);
		int interface;

		if (n == -1)
			break;
		interface = interface_of(&m);
		if (interface != 0 &&
		    arp_nd_seen_read_advert(message, (size_t)n, &s))
			saw(role, interface, &s);
	}
}

int
arp_nd_open(struct role *role)
{
	struct arp_nd *n = calloc(1, sizeof(*n));
	int e;

	if (n == NULL)
		return -ENOMEM;
	role->arp_nd = n;
	n->arp = n->advert = -1;
	e = open_arp(role, &n->arp);
	if (e == 0)
		e = open_advert(&n->advert);
	ev_io_init(&n->arp_ready, on_arp, n->arp, EV_READ);
	ev_io_init(&n->advert_ready, on_advert, n->advert, EV_READ);
	if (n->arp != -1)
		ev_io_start(role->loop, &n->arp_ready);
	if (n->advert != -1)
		ev_io_start(role->loop, &n->advert_ready);
	/* A host without IPv6 has no such neighbours either. */
	return e == -EAFNOSUPPORT || e == -EPROTONOSUPPORT ? 0 : e;
}

void
arp_nd_close(struct role *role)
{
	struct arp_nd *n = role->arp_nd;

	if (n == NULL)
		return;
	ev_io_stop(role->loop, &n->arp_ready);
	ev_io_stop(role->loop, &n->advert_ready);
	fd_close(&n->arp);
	fd_close(&n->advert);
	free(n);
	role->arp_nd = NULL;
}

/*
 * What the kernel would ask from. A question for an IPv6 address from nobody is
 * how a host looks for a duplicate of its own (RFC 4862 section 5.4.3): one
 * that starts just then, as our peer does, would give its address up for good.
 */
static bool
find_source(const union addr *to, union addr *ret_source)
{
	CLEANUP(fd_close) int fd = -1;
	union addr a = *to;
	socklen_t len = sizeof(*ret_source);

	if (to->sa.sa_family != AF_INET6)
		return false;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr_set_port(&a, DISCARD_PORT); /* nothing is sent */
	return fd != -1 && connect(fd, &a.sa, addr_len(&a)) == 0 &&
	    getsockname(fd, &ret_source->sa, &len) == 0;
}

static void
send_ask(const struct role_group *g, unsigned k, struct arp_nd_frame *f,
    const uint8_t *mac)
{
	const struct netlink_link *link = &g->vip.links[k];
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = link->index,
		.sll_halen = ARP_ND_FRAME_MAC_BYTES };

	if (!link->ethernet)
		return;  /* nobody there would answer */
	if (mac != NULL) /* an Ethernet frame begins with whom it is for */
		memcpy(f->bytes, mac, ARP_ND_FRAME_MAC_BYTES);
	memcpy(to.sll_addr, f->bytes, ARP_ND_FRAME_MAC_BYTES);
	/* Lost is lost: the next round asks again. */
	(void)sendto(g->role->packet, f->bytes, f->len, MSG_DONTWAIT,
	    (const struct sockaddr *)&to, sizeof(to));
}

/* One of ours: no neighbour shall take it for known where it is asked for. */
static void
ask(struct role_group *g, unsigned k, const union addr *a)
{
	size_t len;
	const uint8_t *ip = addr_bytes(a, &len);
	struct arp_nd_frame f =
	    arp_nd_frame_ask(g->vip.links[k].mac, NULL, ip, len);

	send_ask(g, k, &f, NULL);
}

/* A host's own. */
static void
ask_host(
    struct role_group *g, unsigned k, const union addr *a, const uint8_t *mac)
{
	union addr source;
	size_t len;
	const uint8_t *ip = addr_bytes(a, &len);
	const uint8_t *from =
	    find_source(a, &source) ? addr_bytes(&source, &len) : NULL;
	struct arp_nd_frame f =
	    arp_nd_frame_ask(g->vip.links[k].mac, from, ip, len);

	send_ask(g, k, &f, mac);
}

void
arp_nd_ask_host(struct role_group *g, unsigned interface, const union addr *a,
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES])
{
	ask_host(g, interface, a, (mac[0] & 1) != 0 ? NULL : mac);
}

static void
ask_first(struct role_group *g, unsigned k, int family)
{
	for (size_t i = 0; i < g->config->n_addresses; i++) {
		const struct config_address *a = &g->config->addresses[i];

		if (a->at != k || a->addr.sa.sa_family != family)
			continue;
		ask(g, k, &a->addr);
		return;
	}
}

static void
ask_all(struct role_group *g)
{
	for (size_t i = 0; i < g->config->n_addresses; i++)
		ask(g, g->config->addresses[i].at,
		    &g->config->addresses[i].addr);
}

void
arp_nd_ask(struct role_group *g)
{
	const struct node *node = role_node(g->role);
	const union addr *other = &g->role->other->address;

	/* The peer first: its hardware is known when the others answer. */
	for (unsigned k = 0; k < g->config->n_interfaces; k++)
		if (config_group_is_near(g->config, k, other))
			ask_host(g, k, other, NULL);
	/* What is ours is not asked for: a peer may answer that has just died.
	 */
	if (node_is_master(node, g->index))
		return;
	/* A group moves whole; but the peer's file may divide them otherwise.
	 */
	if (node->peer.known && !node_has_same_config(node)) {
		ask_all(g);
		return;
	}
	for (unsigned k = 0; k < g->config->n_interfaces; k++) {
		ask_first(g, k, AF_INET);
		ask_first(g, k, AF_INET6);
	}
}

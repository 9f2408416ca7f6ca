#include "hapair/cli/host_links.h"

#include "failover/vip/netlink.h"

#include <netinet/in.h>
#include <string.h>

/* The others would be served without it. */
static void
check_families(struct host_report *m, const struct config_group *g,
    const char *interface, const struct netlink_link *link)
{
	char ip[ADDR_TEXT_MAX];

	for (size_t i = 0; i < g->n_addresses; i++) {
		const union addr *a = &g->addresses[i].addr;
		const bool v4 = a->sa.sa_family == AF_INET;

		if (strcmp(g->interfaces[g->addresses[i].at], interface) != 0 ||
		    (v4 ? link->v4 : link->v6))
			continue;
		host_report_tell(m, HOST_REPORT_ERROR,
		    "group %s: %s cannot be held: IPv%d is switched off on interface %s",
		    g->name, addr_format_ip(a, ip), v4 ? 4 : 6, interface);
	}
}

static void
check_link(struct host_report *m, struct netlink *n,
    const struct config_group *g, const char *interface)
{
	struct netlink_link link;
	const int e = netlink_find_link(n, interface, &link);
	const char *wrong = NULL;

	if (e < 0)
		wrong = strerror(-e);
	else if (link.index == 0)
		wrong = "there is no such interface";
	else if (!link.up)
		wrong = "it is down; expected `ip link set up`";
	else if (!link.carrier)
		wrong = "it has no carrier: cable, switch or bond";
	if (wrong != NULL)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "group %s: interface %s: %s", g->name, interface, wrong);
	else if (!link.ethernet)
		host_report_tell(m, HOST_REPORT_WARNING,
		    "group %s: interface %s is not Ethernet, so neighbours cannot be told that an address has moved",
		    g->name, interface);
	else
		host_report_tell(m, HOST_REPORT_OK,
		    "group %s: interface %s has carrier", g->name, interface);
	if (e == 0 && link.index != 0)
		check_families(m, g, interface, &link);
}

static void
check_left(void *arg, const struct netlink_address *a)
{
	struct host_report *m = arg;
	const struct config_pair *pair = &m->config->pair;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < pair->n_groups; i++)
		if (config_group_has(&pair->groups[i], &a->addr))
			host_report_tell(m, HOST_REPORT_WARNING,
			    "group %s: this machine has %s and no hapair runs; one of an earlier run `hapair release` removes, one of another program, such as keepalived, goes when that ends",
			    pair->groups[i].name,
			    addr_format_ip(&a->addr, text));
}

/* -- networks -------------------------------------------------------------- */

/* What an interface has of a virtual IP's family, that is none itself. */
struct network {
	const struct config_pair *pair;
	const struct config_address *vip;
	int index;
	bool covers;
	char other[ADDR_TEXT_MAX + 4]; /* one of another network; "": none */
};

static bool
is_within(const struct netlink_address *own, const struct config_address *vip)
{
	size_t len;
	const uint8_t *a = addr_bytes(&own->addr, &len);
	const uint8_t *b = addr_bytes(&vip->addr, &len);
	const unsigned whole = own->prefix / 8, rest = own->prefix % 8;

	return memcmp(a, b, whole) == 0 &&
	    (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool
is_link_local(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
}

static void
look_at_network(void *arg, const struct netlink_address *own)
{
	struct network *n = arg;
	char ip[ADDR_TEXT_MAX];

	if (own->index != n->index ||
	    own->addr.sa.sa_family != n->vip->addr.sa.sa_family ||
	    is_link_local(&own->addr))
		return;
	for (size_t i = 0; i < n->pair->n_groups; i++)
		if (config_group_has(&n->pair->groups[i], &own->addr))
			return;
	n->covers |= is_within(own, n->vip);
	(void)snprintf(n->other, sizeof(n->other), "%s/%u",
	    addr_format_ip(&own->addr, ip), own->prefix);
}

/* An interface without any address of its own may be meant so. */
static void
check_networks(struct host_report *m, struct netlink *netlink,
    const struct config_group *g)
{
	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct config_address *vip = &g->addresses[i];
		const char *interface = g->interfaces[vip->at];
		struct network n = { .pair = &m->config->pair, .vip = vip };
		struct netlink_link link;
		char ip[ADDR_TEXT_MAX];

		if (netlink_find_link(netlink, interface, &link) < 0 ||
		    link.index == 0)
			continue;
		n.index = link.index;
		if (netlink_each_address(netlink, look_at_network, &n) < 0 ||
		    n.covers || n.other[0] == '\0')
			continue;
		host_report_tell(m, HOST_REPORT_WARNING,
		    "group %s: %s is in no network of interface %s, which has %s; is that interface meant, and that address?",
		    g->name, addr_format_ip(&vip->addr, ip), interface,
		    n.other);
	}
}

void
host_links_check(struct host_report *m)
{
	const struct config_pair *pair = &m->config->pair;
	struct netlink *n;
	int e = netlink_open(&n);

	if (e < 0) {
		host_report_tell(m, HOST_REPORT_ERROR,
		    "netlink cannot be opened: %s", strerror(-e));
		return;
	}
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t k = 0; k < pair->groups[i].n_interfaces; k++)
			check_link(m, n, &pair->groups[i],
			    pair->groups[i].interfaces[k]);
	for (size_t i = 0; i < pair->n_groups; i++)
		check_networks(m, n, &pair->groups[i]);
	e = m->running ? 0 : netlink_each_address(n, check_left, m);
	if (e < 0)
		host_report_tell(m, HOST_REPORT_ERROR,
		    "addresses cannot be listed: %s", strerror(-e));
	netlink_free(n);
}

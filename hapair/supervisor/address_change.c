#include "hapair/supervisor/address_change.h"

#include "config/config.h"
#include "core/log.h"
#include "failover/vip/netlink.h"
#include "failover/vip/vip.h"
#include "hapair/supervisor/generation.h"

#include <errno.h>
#include <string.h>

static const char *
interface_of(const struct config_group *g, const struct config_address *a)
{
	return a->interface != NULL ? a->interface : g->interface;
}

static bool
has(const struct config_group *g, const struct config_address *a,
    const char *interface)
{
	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct config_address *b = &g->addresses[i];

		if (addr_is_same_ip(&a->addr, &b->addr) &&
		    strcmp(interface_of(g, b), interface) == 0)
			return true;
	}
	return false;
}

/* Whether any group has it; with `place`, at the same place. */
static bool
is_in(const struct generation *after, const struct config_group *g,
    const struct config_address *a, bool place)
{
	const struct config_pair *pair = &after->setup.config->pair;

	for (size_t i = 0; i < generation_group_count(after); i++) {
		const struct config_group *other = &pair->groups[i];

		if (place && has(other, a, interface_of(g, a)))
			return true;
		for (size_t k = 0; !place && k < other->n_addresses; k++)
			if (addr_is_same_ip(
			        &other->addresses[k].addr, &a->addr))
				return true;
	}
	return false;
}

/* Some addresses of a group, as a group of its own. */
struct part {
	struct config_group group;
	struct config_address some[CONFIG_GROUP_ADDRESSES_MAX];
};

static void
begin_part(struct part *p, const struct config_group *g)
{
	p->group = *g;
	p->group.addresses = p->some;
	p->group.n_addresses = 0;
}

/* What goes from where it was: `moved` to another interface, or for good. */
static bool
take_gone(struct part *p, const struct config_group *g,
    const struct generation *after, bool moved)
{
	begin_part(p, g);
	for (size_t i = 0; i < g->n_addresses; i++) {
		const struct config_address *a = &g->addresses[i];

		if (!is_in(after, g, a, true) &&
		    is_in(after, g, a, false) == moved)
			p->some[p->group.n_addresses++] = *a;
	}
	return p->group.n_addresses > 0;
}

static bool
take_new(struct part *p, const struct config_group *g,
    const struct config_group *was)
{
	begin_part(p, g);
	for (size_t i = 0; i < g->n_addresses; i++)
		if (!has(was, &g->addresses[i],
		        interface_of(g, &g->addresses[i])))
			p->some[p->group.n_addresses++] = g->addresses[i];
	return p->group.n_addresses > 0;
}

/* -- the kernel --------------------------------------------------------- */

struct search {
	const struct vip *vip;
	uint32_t found;
};

static void
search_one(void *arg, const struct netlink_address *a)
{
	struct search *s = arg;
	const int i = vip_find(s->vip, &a->addr);

	if (i != -1 && vip_is_own(s->vip, (size_t)i, a->index, a->prefix))
		s->found |= 1u << i;
}

/* Which of them are there, as failover holds them: a bit each. */
static int
look(struct vip *h, uint32_t *ret_found)
{
	struct search s = { .vip = h };
	int e = 0;

	for (unsigned k = 0; e == 0 && k < h->group->n_interfaces; k++) {
		bool changed;

		e = vip_look(h, k, &changed);
	}
	if (e == 0)
		e = netlink_each_address(h->netlink, search_one, &s);
	*ret_found = s.found;
	return e;
}

static int
release(const struct config_group *g, struct netlink *netlink)
{
	struct vip h = vip_init(g, netlink, 1);
	uint32_t found = 0;
	int e = look(&h, &found);

	if (e == 0 && found != 0)
		e = vip_release(&h);
	if (e < 0)
		log_error("supervisor",
		    "[address] group %s: addresses cannot be deleted: %s, they go when their leases end",
		    g->name, strerror(-e));
	else if (found != 0)
		log_notice("supervisor",
		    "group %s: deleted %d addresses that are no longer in the file",
		    g->name, __builtin_popcount(found));
	return e;
}

/* Opens the channel where there is anything to do: that is seldom. */
static int
release_gone(const struct generation *before, const struct generation *after,
    bool moved, struct netlink **netlink)
{
	const struct config_pair *was = &before->setup.config->pair;
	struct part gone;
	int e = 0;

	for (size_t i = 0; i < generation_group_count(before); i++) {
		if (!take_gone(&gone, &was->groups[i], after, moved))
			continue;
		if (*netlink == NULL)
			e = netlink_open(netlink);
		if (e == 0)
			e = release(&gone.group, *netlink);
		/* Each of the others would have to wait as long. */
		if (*netlink == NULL || e == -ETIMEDOUT)
			return e;
		e = 0;
	}
	return 0;
}

/* -- what comes --------------------------------------------------------- */

/*
 * The old failover may have ended while it handed over, or after a pause in
 * which its leases ended: then the addresses are the peer's.
 */
static int
holds_all(const struct config_group *g, uint32_t refused,
    struct netlink *netlink, bool *ret_holds)
{
	const uint64_t all = (UINT64_C(1) << g->n_addresses) - 1;
	struct vip h = vip_init(g, netlink, 1);
	uint32_t found = 0;
	int e = look(&h, &found);

	*ret_holds = found != 0 && ((found | refused) & all) == all;
	return e;
}

static int
add(const struct config_pair *pair, const struct config_group *g,
    struct netlink *netlink)
{
	struct vip h = vip_init(g, netlink,
	    vip_lease_s(pair->hang_ms, pair->interval_ms * pair->misses));
	uint32_t found;
	int e = look(&h, &found);

	return e == 0 ? vip_hold(&h) : e;
}

static int
extend(const struct config_group *was, uint32_t refused,
    const struct config_pair *pair, const struct config_group *more,
    struct netlink *netlink)
{
	bool holds = false;
	int e = holds_all(was, refused, netlink, &holds);

	if (e == 0 && !holds)
		log_notice("supervisor",
		    "group %s: no address is added, for those that it had are not all there",
		    more->name);
	if (e == 0 && holds)
		e = add(pair, more, netlink);
	if (e < 0)
		log_error("supervisor",
		    "[address] group %s: its addresses cannot be held: %s",
		    more->name, strerror(-e));
	return e;
}

/* -1: it is not there. */
static int
find_group(const struct generation *g, const char *name)
{
	for (size_t i = 0; i < generation_group_count(g); i++)
		if (strcmp(g->setup.config->pair.groups[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int
extend_all(const struct generation *before, const struct generation *after,
    struct netlink **netlink)
{
	const struct config_pair *pair = &after->setup.config->pair;
	struct part more;
	int e = 0;

	for (size_t i = 0; i < generation_group_count(after); i++) {
		const int k = find_group(before, pair->groups[i].name);
		const struct config_group *was;

		if (k < 0 || !before->known[k] ||
		    before->groups[k].state != MSG_GROUP_MASTER)
			continue;
		was = &before->setup.config->pair.groups[k];
		if (!take_new(&more, &pair->groups[i], was))
			continue;
		if (*netlink == NULL)
			e = netlink_open(netlink);
		if (e == 0)
			e = extend(was, before->groups[k].refused, pair,
			    &more.group, *netlink);
		if (*netlink == NULL || e == -ETIMEDOUT)
			return e;
		e = 0;
	}
	return 0;
}

/* -- both halves -------------------------------------------------------- */

static void
finish(struct netlink *netlink, int e)
{
	if (netlink == NULL && e < 0)
		log_error("supervisor",
		    "[address] addresses cannot be changed: %s, the leases of old ones end",
		    strerror(-e));
	netlink_free(netlink);
}

void
address_change_add(
    const struct generation *before, const struct generation *after)
{
	struct netlink *netlink = NULL;
	int e = extend_all(before, after, &netlink);

	if (e == 0)
		e = release_gone(before, after, true, &netlink);
	finish(netlink, e);
}

void
address_change_remove(
    const struct generation *before, const struct generation *after)
{
	struct netlink *netlink = NULL;
	const int e = release_gone(before, after, false, &netlink);

	finish(netlink, e);
}

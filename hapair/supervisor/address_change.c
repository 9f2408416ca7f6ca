#include "hapair/supervisor/address_change.h"

#include "config/config.h"
#include "core/log.h"
#include "failover/vip/netlink.h"
#include "failover/vip/vip.h"
#include "hapair/supervisor/generation.h"

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

/* Whether any group has it at the same place. */
static bool
stays(const struct config_group *g, const struct config_address *a,
    const struct generation *after)
{
	const struct config_pair *pair = &after->setup.config->pair;

	for (size_t i = 0; i < generation_group_count(after); i++)
		if (has(&pair->groups[i], a, interface_of(g, a)))
			return true;
	return false;
}

/* What of a group goes, as a group of its own. */
static void
release_some(const struct config_group *g, const struct generation *after,
    struct netlink *netlink)
{
	struct config_address gone[CONFIG_GROUP_ADDRESSES_MAX];
	struct config_group part = *g;
	unsigned deleted = 0;
	bool kept = false;
	struct vip h;
	int e;

	part.addresses = gone;
	part.n_addresses = 0;
	for (size_t i = 0; i < g->n_addresses; i++)
		if (!stays(g, &g->addresses[i], after))
			gone[part.n_addresses++] = g->addresses[i];
	if (part.n_addresses == 0)
		return;
	h = vip_init(&part, netlink, 1);
	e = vip_clear(&h, false, &kept, &deleted);
	if (e < 0)
		log_error("supervisor",
		    "group %s: addresses cannot be deleted: %s, they go when their leases end",
		    g->name, strerror(-e));
	else if (deleted > 0)
		log_notice("supervisor",
		    "group %s: deleted %u addresses that are no longer in the file",
		    g->name, deleted);
}

static void
hold(const struct generation *g, size_t index, struct netlink *netlink)
{
	const struct config_pair *pair = &g->setup.config->pair;
	const struct config_group *group = &pair->groups[index];
	struct vip h = vip_init(group, netlink,
	    vip_lease_s(pair->hang_ms, pair->interval_ms * pair->misses));
	int e = 0;

	for (unsigned k = 0; e == 0 && k < group->n_interfaces; k++) {
		bool changed;

		e = vip_look(&h, k, &changed);
	}
	if (e == 0)
		e = vip_hold(&h);
	if (e < 0)
		log_error("supervisor",
		    "group %s: its addresses cannot be held: %s", group->name,
		    strerror(-e));
}

void
address_change_make(
    const struct generation *before, const struct generation *after)
{
	const struct config_pair *was = &before->setup.config->pair;
	struct netlink *netlink = NULL;
	int e;

	if (generation_group_count(before) + generation_group_count(after) == 0)
		return;
	e = netlink_open(&netlink);
	if (e < 0) {
		log_error("supervisor",
		    "addresses cannot be changed: %s, the leases of old ones end",
		    strerror(-e));
		return;
	}
	for (size_t i = 0; i < generation_group_count(before); i++)
		release_some(&was->groups[i], after, netlink);
	for (size_t i = 0; i < generation_group_count(after); i++)
		if (after->known[i] &&
		    after->groups[i].state == MSG_GROUP_MASTER)
			hold(after, i, netlink);
	netlink_free(netlink);
}

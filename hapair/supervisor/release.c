#include "hapair/supervisor/release.h"

#include "config/config.h"
#include "core/log.h"
#include "failover/vip/netlink.h"
#include "failover/vip/vip.h"

#include <string.h>

int
release_all(const struct config_pair *pair, release_told_fn *told)
{
	struct netlink *netlink = NULL;
	int first = netlink_open(&netlink);

	for (size_t i = 0; netlink != NULL && i < pair->n_groups; i++) {
		/* Holds nothing, so for how long says nothing. */
		struct vip h = vip_init(&pair->groups[i], netlink, 1);
		unsigned deleted = 0;
		bool kept = false;
		int e = vip_clear(&h, false, &kept, &deleted);

		told(&pair->groups[i], deleted, e);
		if (first == 0)
			first = e;
	}
	netlink_free(netlink);
	return first;
}

static void
tell(const struct config_group *group, unsigned deleted, int error)
{
	if (error < 0)
		log_error("supervisor",
		    "[address] group %s: addresses cannot be deleted: %s",
		    group->name, strerror(-error));
	else if (deleted > 0)
		log_warning("supervisor",
		    "[address] group %s: deleted %u addresses, for no failover holds them",
		    group->name, deleted);
}

void
release_forsaken(const struct config_pair *pair)
{
	const int e = release_all(pair, tell);

	if (e < 0)
		log_error("supervisor",
		    "[address] virtual IPs may be left until their leases end: %s",
		    strerror(-e));
}

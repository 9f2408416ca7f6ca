#pragma once

/*
 * What the kernel tells of interfaces and addresses, in the shell: a carrier
 * that is lost, an address that somebody else deleted, and the leases that we
 * renew.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * Watchers and timers over the netlink that is open already. After proc_drop():
 * starts a thread. Returns 0 or -errno.
 */
MUST_CHECK int link_watch_start(struct role *role);
void link_watch_stop(struct role *role);

/*
 * Adds or renews a group's addresses, and tells the node of those that the
 * kernel refuses for a while. 0, or -errno where it refused all; but not at
 * once where some were served until now.
 */
MUST_CHECK int link_watch_hold(struct role_group *g);

/* Deletes a group's addresses: none is renewed after that. 0 or -errno. */
MUST_CHECK int link_watch_release(struct role_group *g);

/* Looks at a group's interface again, and tells the node. */
void link_watch_look(struct role_group *g);

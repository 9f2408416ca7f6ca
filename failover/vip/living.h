#pragma once

/*
 * The second question, in the shell: does whoever answers for a virtual IP
 * live? Switches and clouds answer ARP for hosts that are off; a refused port
 * or an accepted connection is the word of a kernel that has the address.
 */

#include "core/base.h"
#include "failover/role.h"

/* Returns 0 or -errno. */
MUST_CHECK int living_new(struct role *role);
void living_free(struct role *role);

/*
 * Asks a port of an address of each family where nobody should listen, and,
 * where that went unanswered the last time, for a filter may be in the way, a
 * port of a service there, and the same of some neighbours: if they don't
 * answer either, the filter may be ours. What is still under way is given up.
 * Answers come back as NODE_LIVES, and NODE_CONTROL.
 */
void living_ask(struct role_group *g);

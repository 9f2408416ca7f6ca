#pragma once

/*
 * Removes the virtual IPs of every group from this host, from whatever
 * interface they are on, when no failover process is there to do it.
 */

#include "core/base.h"

struct config_group;
struct config_pair;

/* Of each group: how many went, or a -errno. */
typedef void release_told_fn(
    const struct config_group *group, unsigned deleted, int error);

/* Goes on after a failure. Returns 0 or the first -errno. */
MUST_CHECK int release_all(
    const struct config_pair *pair, release_told_fn *told);

/* The same, said in the log: failover ends again and again, or hangs. */
void release_forsaken(const struct config_pair *pair);

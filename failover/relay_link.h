#pragma once

/*
 * The relay, as the failover role sees it: a channel that comes anew whenever
 * the relay is replaced, whether it serves, and the questions it asks.
 */

#include "core/base.h"
#include "failover/role.h"

/* A new channel, owned from now on; the one before is closed. */
void relay_link_take(struct role *role, int channel);

/* The groups are ready to begin, and do so when the relay serves. They don't
 * wait for it for ever. */
void relay_link_begin(struct role *role);

/* Returns 0 or -errno. */
MUST_CHECK int relay_link_new(struct role *role);
void relay_link_close(struct role *role);

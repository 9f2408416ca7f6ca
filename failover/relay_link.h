#pragma once

/*
 * The relay, as the failover role sees it: a channel that comes anew whenever
 * the relay is replaced or the channel was lost, of which the supervisor is
 * told; whether it serves, and the questions it asks.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;

/*
 * SIBLING: the channel in it takes the place of the one before. Returns 0 or
 * -EBADMSG.
 */
MUST_CHECK int relay_link_take(struct role *role, struct channel_packet *p);

/* The groups are ready to begin, and do so when the relay serves. They don't
 * wait for it for ever. */
void relay_link_begin(struct role *role);

/* Returns 0 or -errno. */
MUST_CHECK int relay_link_new(struct role *role);
void relay_link_close(struct role *role);

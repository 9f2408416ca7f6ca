#pragma once

/*
 * The heartbeat in the shell: sends a hello each interval and at each change,
 * takes the peer's in, and notices when our own loop stood still.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * From here on we are heard, hear, and decide. Opens nothing: the link is open
 * already. Calling it again does nothing.
 */
void beat_start(struct role *role);
bool beat_is_started(const struct role *role);
void beat_stop(struct role *role);

/* A hello's packet that came over the wire. */
void beat_take(struct role *role, const uint8_t *packet, size_t len);

/* A hello now, as things stand. */
void beat_send(struct role *role);

/*
 * Notices when our own loop stood still, in the middle of a turn, too: to be
 * called before what the world says is believed, and before it is changed.
 * Posts ELECTION_STALLED to all groups, and sends a hello.
 */
void beat_look(struct role *role);

/* How long the peer may be silent before it counts as gone. */
uint32_t beat_dead_ms(const struct role *role);

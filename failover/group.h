#pragma once

/*
 * A group in the shell: feeds its election, carries out what it asks for, and
 * tells supervisor, relay and log what became of it.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * Fills the zeroed group, whose `id` is set: its election begins to listen now.
 */
void group_init(struct role *role, unsigned index);

/* One event, settled with all that it raises before this returns. */
void group_post(struct role_group *g, const struct election_event *ev);

/*
 * Something tracked is at fault (`reason`) or well again (ELECTION_RECOVERED).
 * The election hears of the first of all faults, whenever that is another one.
 */
void group_track(
    struct role_group *g, enum role_cause cause, enum election_reason reason);

/* The same, where the reason may mean several: which of them. */
void group_track_one(struct role_group *g, enum role_cause cause,
    enum election_reason reason, unsigned which);

/* Nothing tracked is at fault. */
bool group_is_well(const struct role_group *g);

/* Its effective priority, which what is tracked has changed, or has not. */
void group_weigh(struct role_group *g, uint8_t priority);

/* Announces anew, where it is master: all, or one that has become usable. */
void group_announce(struct role_group *g);
void group_announce_address(struct role_group *g, unsigned i);

/* Sends how it stands to whom it is owed; again later where that fails. */
void group_tell(struct role_group *g);

void group_stop_timers(struct role_group *g);

#pragma once

/*
 * When a role that has ended is started again: at once, since most ends are
 * one of a kind; then, while it keeps ending, with growing pauses.
 *
 * Pure: the time is an argument. One per role, owned by child.c.
 */

#include "core/mono.h"

/*
 * A role that ran this long had started well: its end begins a new row. The
 * relay serves from its first moment on, and failover waits 250 ms for another
 * one before its addresses move: only one that cannot even start has to wait.
 */
#define RESTART_WELL_MS 10000
#define RESTART_WELL_RELAY_MS 500

#define RESTART_PAUSE_MAX_MS 5000

struct restart {
	uint32_t well_ms;    /* one of the above */
	unsigned row;        /* ends in a row, none of them after a good run */
	struct mono started; /* the present or last run */
};

void restart_started(struct restart *r, struct mono now);

/* It has ended: milliseconds to wait before the next start. */
MUST_CHECK uint32_t restart_ended(struct restart *r, struct mono now);

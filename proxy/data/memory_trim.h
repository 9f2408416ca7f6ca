#pragma once

/*
 * When a worker gives memory back. The C library keeps what is freed, so a
 * crowd that has left would cost its memory for good.
 *
 * Pure: no clock, no allocation. One per worker, asked ten times a second or
 * more often.
 */

#include "core/mono.h"

struct memory_trim {
	unsigned most;    /* connections, since memory was last given back */
	unsigned last;    /* at the last look */
	unsigned calm;    /* looks in a row at which few were leaving */
	struct mono next; /* look */
};

/* So many were there since the last look, be it for a moment. */
void memory_trim_note(struct memory_trim *t, unsigned n);

/*
 * With `n` connections now: whether it is time. Half of what was there must be
 * gone, and be worth it; and the others no longer leave one after the other.
 */
MUST_CHECK bool memory_trim_is_due(
    struct memory_trim *t, unsigned n, struct mono now);

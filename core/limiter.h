#pragma once

/*
 * At most one line a second about something that a stranger can trigger, and
 * how many were left out before it.
 *
 * Pure: the time is an argument. One per thing and thread.
 */

#include "core/mono.h"

struct limiter {
	struct mono next;  /* the first that is allowed again */
	uint64_t left_out; /* since the last that was allowed */
};

/* Whether to speak now; then *ret_left_out have been kept silent before. */
bool limiter_allows(struct limiter *l, struct mono now, uint64_t *ret_left_out);

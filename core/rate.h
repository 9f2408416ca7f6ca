#pragma once

/*
 * How often somebody else may make us do a thing: so many at once, and then one
 * more each so many milliseconds.
 *
 * Pure: the time is an argument. The zeroed value has allowed nothing yet. One
 * per thing and thread.
 */

#include "core/base.h"
#include "core/mono.h"

struct rate {
	struct mono full; /* when all of them would be there again */
};

/* Whether once more now; then it counts. */
MUST_CHECK bool rate_allows(
    struct rate *r, uint32_t burst, uint32_t each_ms, struct mono now);

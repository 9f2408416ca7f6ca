#pragma once

/*
 * The last ten minutes of each service and server, for small lines on a page: a
 * point each five seconds, of what its counters had gained since the one
 * before. Bounded: 16 bytes a point.
 *
 * A row is a service or a server: each service, and behind it its servers, as
 * in the configuration. Of the page's thread; allocates, and knows no clock.
 */

#include "core/base.h"
#include "core/mono.h"

struct config;

#define RATE_HISTORY_POINTS 120
#define RATE_HISTORY_EACH_S 5

/* What is counted, of a row. */
struct rate_history_sum {
	uint64_t active, total, bytes_in, bytes_out;
};

struct rate_history_point {
	uint32_t active;
	float opened, in, out; /* a second; bytes */
};

struct rate_history {
	size_t rows;
	uint64_t number; /* of the last point; 0: there is none */
	struct mono last_at;
	int64_t wall_ms;                   /* of the last point, for people */
	bool begun;                        /* there are sums to compare with */
	struct rate_history_sum *sums;     /* the last, by row */
	struct rate_history_point *points; /* number % POINTS, then row */
};

/* Of a configuration. */
size_t rate_history_rows(const struct config *c);

/* Returns 0 or -ENOMEM; fini takes zeroes and the half-built. */
MUST_CHECK int rate_history_init(struct rate_history *h, size_t rows);
void rate_history_fini(struct rate_history *h);

/* So it is now, by row: another point, but at the first time. */
void rate_history_add(struct rate_history *h,
    const struct rate_history_sum *sums, struct mono now, int64_t wall_ms);

/*
 * What another relay had of the same rows is before all that is here; numbers
 * go on from its last. Returns 0 or -ENOMEM.
 */
MUST_CHECK int rate_history_prepend(
    struct rate_history *h, const struct rate_history *past);

/* How many there are, and the i-th of a row, from the oldest on. */
size_t rate_history_count(const struct rate_history *h);
const struct rate_history_point *rate_history_get(
    const struct rate_history *h, size_t row, size_t i);

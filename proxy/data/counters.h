#pragma once

/*
 * Live counters. Each worker has its own set, which it alone writes, without a
 * lock or a locked instruction; the main thread reads and adds them up at any
 * time. So a figure is never torn, and a sum is at most a moment old.
 */

#include "proxy/data/end_reason.h"

#include "core/base.h"

#include <stdatomic.h>

struct counters {
	atomic_uint_fast64_t active; /* ends where it began: at 0 */
	atomic_uint_fast64_t total;
	atomic_uint_fast64_t failed; /* connects refused or timed out */
	atomic_uint_fast64_t bytes_in, bytes_out; /* from, to the client */
};

/* Of a service, besides its sums. */
struct counters_service {
	struct counters sum;
	atomic_uint_fast64_t retries;  /* connects that went on elsewhere */
	atomic_uint_fast64_t denied;   /* by `allow` and `deny` */
	atomic_uint_fast64_t too_many; /* for max_connections_per_client */
	atomic_uint_fast64_t endings[END_REASON_COUNT];
};

/* What the sums are read into. */
struct counters_sum {
	uint64_t active, total, failed, bytes_in, bytes_out;
};

/* By the one thread that owns it; n may be negative. */
static inline void
counters_add(atomic_uint_fast64_t *c, int64_t n)
{
	uint64_t v = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, v + (uint64_t)n, memory_order_relaxed);
}

/* By any thread. */
void counters_sum_up(struct counters_sum *sum, struct counters *c);

struct counters_service_sum {
	struct counters_sum sum;
	uint64_t retries, denied, too_many;
	uint64_t endings[END_REASON_COUNT];
};

/* What somebody else has counted. */
void counters_sum_add(
    struct counters_sum *sum, const struct counters_sum *more);
void counters_service_sum_add(
    struct counters_service_sum *sum, const struct counters_service_sum *more);

void counters_service_sum_up(
    struct counters_service_sum *sum, struct counters_service *c);

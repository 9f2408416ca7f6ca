#pragma once

/*
 * Stall: whether a thread stands still, judged by a count that it keeps moving
 * (liveness.h) and that is looked at again and again.
 *
 * Pure: the time is an argument. One struct for each watched count.
 */

#include "core/mono.h"

struct stall_detector {
	uint64_t count;     /* as it was at the last look */
	struct mono moved;  /* it has moved since, or we began to look */
	struct mono looked; /* never(): not yet */
	bool stands;
};

/* Nothing is known: the first look only begins. */
struct stall_detector stall_detector_init(void);

/*
 * A look. Returns whether the count has not moved for `limit_ms`, by looks that
 * came regularly: one that comes later than half of that after the one before
 * was ours to miss (the host was paused, or we starved), and says nothing of
 * the other. What stands, stands until it moves.
 */
bool stall_detector_look(struct stall_detector *s, uint64_t count,
    struct mono now, uint32_t limit_ms);

/* A look at `n` of them: the first that stands, or -1. */
int stall_detector_first(struct stall_detector *all, const uint64_t *counts,
    unsigned n, struct mono now, uint32_t limit_ms);

/* A look at `n` of them, at least one: whether all stand. */
bool stall_detector_every(struct stall_detector *all, const uint64_t *counts,
    unsigned n, struct mono now, uint32_t limit_ms);

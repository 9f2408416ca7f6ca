#pragma once

/*
 * The timers of one worker: a heap, the next one due on top. Each is told once,
 * at its time, and is then to be set anew. A timer that has joined can always
 * be set, since its place is reserved: so there is no failure in the middle of
 * a connection's life.
 *
 * Pure but for memory: moments are arguments. Its thread's alone.
 */

#include "core/mono.h"

struct timers_entry;

struct timers_timer {
	void (*on_due)(struct timers_timer *);
	unsigned place; /* in the heap, from 1; 0: not set */
};

struct timers {
	struct timers_entry *heap; /* the first place is not used */
	unsigned n, joined, room;
};

/* From zeroes. */
void timers_fini(struct timers *t);

/* Returns 0 or -ENOMEM. The timer is its owner's, and leaves before it goes. */
MUST_CHECK int timers_join(struct timers *t, struct timers_timer *timer,
    void (*on_due)(struct timers_timer *));
void timers_leave(struct timers *t, struct timers_timer *timer);

/* Anew: what it waited for before is forgotten. */
void timers_set(struct timers *t, struct timers_timer *timer, struct mono due);
void timers_stop(struct timers *t, struct timers_timer *timer);

static inline bool
timers_is_set(const struct timers_timer *timer)
{
	return timer->place > 0;
}

/* Of one that is set. */
struct mono timers_due(
    const struct timers *t, const struct timers_timer *timer);

/* Until the next is due, rounded up; -1: none is set. */
int timers_wait_ms(const struct timers *t, struct mono now);

/* Tells those that are due; they may set, stop and join any. */
void timers_run(struct timers *t, struct mono now);

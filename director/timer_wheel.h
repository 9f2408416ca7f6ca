#pragma once

/*
 * When each slot is to be looked at. A wheel of buckets, a tick each; what is
 * due later than a turn of the wheel comes up once a turn, and is set again by
 * the caller. So a slot that comes up may be early: the caller knows its
 * deadline. Setting costs the same with a million slots.
 *
 * Pure. The arrays are the caller's.
 */

#include "core/base.h"
#include "core/mono.h"
#include "director/slot_list.h"

#define TIMER_WHEEL_TICK_MS 16

struct timer_wheel {
	struct slot_list *buckets;    /* borrowed */
	struct slot_list_link *links; /* borrowed; one a slot */
	uint32_t *places;   /* borrowed; each slot's bucket, or none */
	uint32_t n_buckets; /* more than 1 */
	uint32_t n;         /* slots that are set */
	int64_t done;       /* the last tick whose bucket was emptied */
};

/* Fills the arrays in: no slot is set. */
void timer_wheel_init(struct timer_wheel *w, uint32_t n_slots, struct mono now);

/* In place of what was set before; never: not at all. */
void timer_wheel_set(struct timer_wheel *w, uint32_t slot, struct mono when);

/* One whose tick is over, and which is not set any more; SLOT_LIST_NONE. */
uint32_t timer_wheel_next(struct timer_wheel *w, struct mono now);

/* When the next one comes up, at the earliest; never. */
struct mono timer_wheel_wake(const struct timer_wheel *w);

#include "director/timer_wheel.h"

#define TICK_NS (TIMER_WHEEL_TICK_MS * INT64_C(1000000))

void
timer_wheel_init(struct timer_wheel *w, uint32_t n_slots, struct mono now)
{
	for (uint32_t i = 0; i < w->n_buckets; i++)
		w->buckets[i] = slot_list_empty();
	for (uint32_t i = 0; i < n_slots; i++)
		w->places[i] = SLOT_LIST_NONE;
	w->n = 0;
	w->done = now.ns / TICK_NS;
}

void
timer_wheel_set(struct timer_wheel *w, uint32_t slot, struct mono when)
{
	int64_t tick;

	if (w->places[slot] != SLOT_LIST_NONE) {
		slot_list_remove(&w->buckets[w->places[slot]], w->links, slot);
		w->places[slot] = SLOT_LIST_NONE;
		w->n--;
	}
	if (mono_is_never(when))
		return;
	/* A tick is over at its end: nothing comes up before its time. */
	tick = (when.ns + TICK_NS - 1) / TICK_NS;
	if (tick <= w->done)
		tick = w->done + 1;
	/* The bucket of `done` itself would come up a turn too late. */
	if (tick >= w->done + w->n_buckets)
		tick = w->done + w->n_buckets - 1;
	w->places[slot] = (uint32_t)(tick % w->n_buckets);
	slot_list_append(&w->buckets[w->places[slot]], w->links, slot);
	w->n++;
}

uint32_t
timer_wheel_next(struct timer_wheel *w, struct mono now)
{
	const int64_t tick = now.ns / TICK_NS;

	while (w->n > 0 && w->done < tick) {
		struct slot_list *bucket =
		    &w->buckets[(w->done + 1) % w->n_buckets];
		const uint32_t slot = slot_list_pop(bucket, w->links);

		if (slot != SLOT_LIST_NONE) {
			w->places[slot] = SLOT_LIST_NONE;
			w->n--;
			return slot;
		}
		w->done++;
	}
	if (w->done < tick)
		w->done = tick; /* an empty wheel has nothing to turn for */
	return SLOT_LIST_NONE;
}

struct mono
timer_wheel_wake(const struct timer_wheel *w)
{
	for (int64_t tick = w->done + 1; w->n > 0; tick++)
		if (w->buckets[tick % w->n_buckets].n > 0)
			return (struct mono){ .ns = tick * TICK_NS };
	return mono_never();
}

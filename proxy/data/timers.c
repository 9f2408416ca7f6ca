#include "proxy/data/timers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Children of a place: four of them share a line of the processor's cache. */
#define CHILDREN 4

#define ROOM_LEAST 16

struct timers_entry {
	struct mono due;
	struct timers_timer *timer;
};

void
timers_fini(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){ 0 };
}

int
timers_join(struct timers *t, struct timers_timer *timer,
    void (*on_due)(struct timers_timer *))
{
	struct timers_entry *heap;
	unsigned room = t->room > 0 ? t->room * 2 : ROOM_LEAST;

	if (t->joined + 1 >= t->room) {
		heap = reallocarray(t->heap, room, sizeof(*heap));
		if (heap == NULL)
			return -ENOMEM;
		t->heap = heap;
		t->room = room;
	}
	t->joined++;
	*timer = (struct timers_timer){ .on_due = on_due };
	return 0;
}

void
timers_leave(struct timers *t, struct timers_timer *timer)
{
	timers_stop(t, timer);
	t->joined--;
}

static void
put(struct timers *t, unsigned place, struct timers_entry e)
{
	t->heap[place] = e;
	e.timer->place = place;
}

static unsigned
parent(unsigned place)
{
	return (place - 2) / CHILDREN + 1;
}

/* The place is free, and what comes to be there may be due before others. */
static void
rise(struct timers *t, unsigned place, struct timers_entry e)
{
	while (place > 1 && mono_before(e.due, t->heap[parent(place)].due)) {
		put(t, place, t->heap[parent(place)]);
		place = parent(place);
	}
	put(t, place, e);
}

/* Likewise, where it may be due after others. */
static void
sink(struct timers *t, unsigned place, struct timers_entry e)
{
	for (;;) {
		unsigned first = (place - 1) * CHILDREN + 2, least = first;

		if (first > t->n)
			break;
		for (unsigned i = first + 1; i < first + CHILDREN && i <= t->n;
		     i++)
			if (mono_before(t->heap[i].due, t->heap[least].due))
				least = i;
		if (!mono_before(t->heap[least].due, e.due))
			break;
		put(t, place, t->heap[least]);
		place = least;
	}
	put(t, place, e);
}

static void
settle(struct timers *t, unsigned place, struct timers_entry e)
{
	if (place > 1 && mono_before(e.due, t->heap[parent(place)].due))
		rise(t, place, e);
	else
		sink(t, place, e);
}

void
timers_set(struct timers *t, struct timers_timer *timer, struct mono due)
{
	const struct timers_entry e = { .due = due, .timer = timer };

	if (timer->place > 0)
		settle(t, timer->place, e);
	else
		rise(t, ++t->n, e);
}

void
timers_stop(struct timers *t, struct timers_timer *timer)
{
	const unsigned place = timer->place;

	if (place == 0)
		return;
	timer->place = 0;
	t->n--;
	if (place <= t->n)
		settle(t, place, t->heap[t->n + 1]);
}

struct mono
timers_due(const struct timers *t, const struct timers_timer *timer)
{
	return t->heap[timer->place].due;
}

int
timers_wait_ms(const struct timers *t, struct mono now)
{
	int64_t ms;

	if (t->n == 0)
		return -1;
	if (!mono_before(now, t->heap[1].due))
		return 0;
	ms = (t->heap[1].due.ns - now.ns - 1) / 1000000 + 1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

void
timers_run(struct timers *t, struct mono now)
{
	while (t->n > 0 && !mono_before(now, t->heap[1].due)) {
		struct timers_timer *timer = t->heap[1].timer;

		timers_stop(t, timer);
		timer->on_due(timer);
	}
}

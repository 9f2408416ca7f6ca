#include "core/ring.h"

/*
 * Slot i is free for put number n (n mod RING_SLOTS = i) when its turn is n,
 * filled when it is n + 1, and free for the next round at n + RING_SLOTS.
 */

void
ring_init(struct ring *r)
{
	for (unsigned i = 0; i < RING_SLOTS; i++)
		atomic_init(&r->lines[i].turn, i);
	atomic_init(&r->head, 0);
	r->tail = 0;
}

struct ring_line *
ring_claim(struct ring *r)
{
	unsigned n = atomic_load_explicit(&r->head, memory_order_relaxed);

	for (;;) {
		struct ring_line *line = &r->lines[n % RING_SLOTS];
		unsigned turn =
		    atomic_load_explicit(&line->turn, memory_order_acquire);
		int ahead = (int)(turn - n);

		if (ahead < 0)
			return NULL; /* last round's line is still there */
		if (ahead == 0 &&
		    atomic_compare_exchange_weak_explicit(&r->head, &n, n + 1,
		        memory_order_relaxed, memory_order_relaxed))
			return line;
		if (ahead > 0) /* another thread was faster */
			n = atomic_load_explicit(
			    &r->head, memory_order_relaxed);
	}
}

void
ring_publish(struct ring_line *line)
{
	unsigned turn = atomic_load_explicit(&line->turn, memory_order_relaxed);

	atomic_store_explicit(&line->turn, turn + 1, memory_order_release);
}

bool
ring_is_mark(const struct ring *r, const struct ring_line *line)
{
	return (line - r->lines) % (RING_SLOTS / 4) == 0;
}

struct ring_line *
ring_peek(struct ring *r)
{
	struct ring_line *line = &r->lines[r->tail % RING_SLOTS];
	unsigned turn = atomic_load_explicit(&line->turn, memory_order_acquire);

	return turn == r->tail + 1 ? line : NULL;
}

void
ring_release(struct ring *r)
{
	struct ring_line *line = &r->lines[r->tail % RING_SLOTS];

	atomic_store_explicit(
	    &line->turn, r->tail + RING_SLOTS, memory_order_release);
	r->tail++;
}

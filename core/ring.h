#pragma once

/*
 * A bounded queue of text lines from many threads to one, without a lock: a
 * producer never waits, it is told that there is no room. (The scheme is
 * D. Vyukov's bounded queue: each slot carries the turn it is good for.)
 *
 * Owned by log.c. Any thread puts; one thread takes.
 */

#include "core/base.h"

#include <stdatomic.h>

#define RING_SLOTS 2048u /* a power of two: turns wrap without a gap */
#define RING_LINE_MAX 1024

struct ring_line {
	atomic_uint turn;
	unsigned len;
	int level;
	int64_t wall_ms;
	char text[RING_LINE_MAX];
};

struct ring {
	_Alignas(64) atomic_uint head; /* the next to be put */
	_Alignas(64) unsigned tail;    /* the next to be taken */
	struct ring_line lines[RING_SLOTS];
};

void ring_init(struct ring *r);

/*
 * A slot to fill, or NULL where the ring is full; ring_publish() hands it to
 * the taker. Between the two the producer must not block.
 */
MUST_CHECK struct ring_line *ring_claim(struct ring *r);
void ring_publish(struct ring_line *line);

/* One line of each quarter: after it the taker is not to be left waiting. */
bool ring_is_mark(const struct ring *r, const struct ring_line *line);

/* The oldest published line, or NULL; ring_release() frees its slot. */
MUST_CHECK struct ring_line *ring_peek(struct ring *r);
void ring_release(struct ring *r);

#pragma once

/*
 * What the two ends of a connection do, drawn from a seed: what they write and
 * how they end it, and how they read. And what their streams consist of, so
 * that what was read can be judged byte by byte. For
 * tests/tools/stream_model.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_PLAN_STEPS_MAX 16
#define STREAM_PLAN_URGENT_MAX 8
#define STREAM_PLAN_CHUNK 65536

enum stream_plan_kind {
	STREAM_PLAN_WRITE,
	STREAM_PLAN_URGENT, /* one byte, MSG_OOB */
	STREAM_PLAN_PAUSE,
	STREAM_PLAN_SHUT,  /* its FIN */
	STREAM_PLAN_RESET, /* and no more of it, neither way */
};

struct stream_plan_step {
	enum stream_plan_kind kind;
	uint64_t amount; /* bytes, or milliseconds */
};

/* Of one end. */
struct stream_plan {
	uint32_t salt; /* of its bytes */
	struct stream_plan_step steps[STREAM_PLAN_STEPS_MAX];
	unsigned n_steps;
	uint64_t total;                          /* bytes of its stream */
	uint64_t urgent[STREAM_PLAN_URGENT_MAX]; /* their places in it */
	unsigned n_urgent;
	/* As a reader of the other's. */
	size_t piece;             /* at once */
	unsigned read_pause_ms;   /* after each read */
	bool in_line, has_little; /* SO_OOBINLINE, a small SO_RCVBUF */
};

/* Of both ends: the same seed and index, the same plans. */
void stream_plan_draw(uint64_t seed, uint32_t index, struct stream_plan ret[2]);

bool stream_plan_has(const struct stream_plan *p, enum stream_plan_kind kind);

/* The byte at a place. Urgent ones are above 127 and count up. */
uint8_t stream_plan_byte(const struct stream_plan *p, uint64_t place);

/*
 * Compares what was read with what is planned from *place on, and moves it on.
 * A reader without SO_OOBINLINE misses urgent bytes: the last one always,
 * others unless they were overtaken. False: it is something else, at *place.
 * The last one is counted in *in_band where it was not missed.
 */
bool stream_plan_compare(const struct stream_plan *p, bool in_line,
    const uint8_t *data, size_t len, uint64_t *place, unsigned *in_band);

/* Whether nothing is left behind `place` that this reader would be given. */
bool stream_plan_is_whole(
    const struct stream_plan *p, bool in_line, uint64_t place);

#pragma once

/*
 * How much of a processor the page's thread may have, whoever asks it what and
 * how often: a tenth of one, and half a second at once. Behind that it rests.
 * Its niceness alone does not bound it: on a processor that is idle it would go
 * on as fast as it can, and with it the kernel's part of the network.
 *
 * What comes in the milliseconds after a turn is done in one turn with it: a
 * byte at a time wakes a thread as often as it is sent.
 *
 * Pure: both times are arguments.
 */

#include "core/mono.h"

struct web_pace {
	struct mono at;     /* the last look; 0: there was none */
	int64_t cpu_ns;     /* of the thread, then */
	int64_t left_ns;    /* what it may still use; below 0: it rests */
	struct mono turned; /* the last turn began to wait; the owner's */
};

/* It has used so much by now. How long it is to rest, in ms; 0: not at all. */
unsigned web_pace_rest_ms(struct web_pace *p, int64_t cpu_ns, struct mono now);

/* Until the next turn may begin, also where it has time left. */
unsigned web_pace_gap_ms(const struct web_pace *p, struct mono now);

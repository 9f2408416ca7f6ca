#pragma once

/*
 * A pause of the pair's moves, which an operator wants while somebody works on
 * the network: until when, and who has said so last. Both nodes tell each other
 * in their hellos: the later word holds, so that both end with the same one,
 * and it ends by itself.
 *
 * Pure. A value inside struct node.
 */

#include "core/base.h"
#include "core/mono.h"

#define PAUSE_LEAST_MS 1000
#define PAUSE_MOST_MS 86400000

struct pause {
	uint32_t epoch;    /* of the last word; 0: there was none */
	bool own;          /* this node was told */
	struct mono until; /* never(): there is none */
};

struct pause pause_none(void);

/* An operator's word here; 0 ms: moves are resumed. */
void pause_set(struct pause *p, uint32_t ms, struct mono now);

/* The other's, or one that was kept; false: it is no news. */
MUST_CHECK bool pause_hear(struct pause *p, const struct pause *other,
    uint32_t left_ms, struct mono now);

/* 0: there is none. */
uint32_t pause_left_ms(const struct pause *p, struct mono now);

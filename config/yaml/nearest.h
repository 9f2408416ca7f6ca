#pragma once

/*
 * Which word somebody who mistyped one probably meant. Pure.
 */

#include "core/base.h"

/*
 * How many letters to add, drop, replace or swap with their neighbour until
 * `a` reads `b`. UINT_MAX where one of them is absurdly long.
 */
unsigned nearest_distance(const char *a, const char *b);

/*
 * The distance up to which a word of our own is worth proposing for `text`:
 * a third of its letters, and at least one.
 */
unsigned nearest_limit(const char *text);

/* The best of the words that were offered so far. They are borrowed. */
struct nearest {
	const char *typed, *word; /* word NULL: none is near */
	unsigned below;           /* a better one is nearer than this */
};

#define NEAREST_TEXT 96

struct nearest nearest_to(const char *typed);
void nearest_offer(struct nearest *n, const char *word);

/* "; did you mean 'WORD'?", or "" where none is near. Returns `buf`. */
const char *nearest_text(
    const struct nearest *n, char buf[static NEAREST_TEXT]);

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

#pragma once

/*
 * Letters from one thread to another, neither of which ever waits for the
 * other: one may have a lower priority, and be stopped by whoever runs in its
 * place at any instruction. A letter is put in by one atomic exchange, and all
 * that are there are taken by another.
 *
 * Any number of threads may put, one takes. Owns nothing: a letter is its
 * writer's until it is put in, and its reader's from when it is taken.
 */

#include "core/base.h"

#include <stdatomic.h>

struct letterbox_letter {
	struct letterbox_letter *next;
};

struct letterbox {
	_Atomic(struct letterbox_letter *) newest;
};

void letterbox_put(struct letterbox *b, struct letterbox_letter *l);

/* The oldest, with all others behind it. NULL: there is none. */
struct letterbox_letter *letterbox_take(struct letterbox *b);

#pragma once

/*
 * A text that several threads read and nobody changes any more; the last one to
 * let go frees it.
 */

#include "core/base.h"

#include <stdatomic.h>

struct shared_text {
	atomic_uint holders;
	size_t len;
	char text[]; /* with a NUL behind it */
};

/* Held once, to be filled by the caller before another one gets it. */
struct shared_text *shared_text_new(size_t len); /* NULL: memory is out */

/* Once more; NULL stays NULL. */
struct shared_text *shared_text_hold(struct shared_text *t);
void shared_text_let_go(struct shared_text **t); /* stores NULL */

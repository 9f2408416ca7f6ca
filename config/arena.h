#pragma once

/*
 * Memory that is given back all at once: what one parsed file needs. The empty
 * value is zeros; it has one owner and nothing in it is freed alone.
 */

#include "core/base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* the one in use first */
};

/* Zeroed and aligned for anything; NULL where memory is out. */
void *arena_alloc(struct arena *a, size_t len);

/* A string of `len` characters; NULL where memory is out. */
char *arena_copy(struct arena *a, const char *text, size_t len);

void arena_fini(struct arena *a);

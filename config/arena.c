#include "config/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN ((size_t)64 * 1024)
#define ALIGN (_Alignof(max_align_t))

struct arena_block {
	struct arena_block *next;
	size_t len, used;
	max_align_t data[];
};

static struct arena_block *
add_block(struct arena *a, size_t len)
{
	struct arena_block *b;

	if (len < BLOCK_LEN)
		len = BLOCK_LEN;
	b = calloc(1, sizeof(*b) + len);
	if (b == NULL)
		return NULL;
	b->len = len;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t len)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + ALIGN - 1) / ALIGN * ALIGN;
	if (b == NULL || b->len - b->used < len)
		b = add_block(a, len);
	if (b == NULL)
		return NULL;
	p = (char *)b->data + b->used;
	b->used += len;
	return p;
}

char *
arena_copy(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy != NULL && len > 0)
		memcpy(copy, text, len);
	return copy;
}

void
arena_fini(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
}

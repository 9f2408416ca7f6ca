/*
 * Any bytes as what the peer agrees on, and as the state file: refused, or
 * read, and then written and read again as the same.
 */

#include "core/base.h"
#include "core/buf.h"
#include "core/shared_state.h"
#include "hapair/supervisor/state_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As of the peer. What was said here is said again, which happens once. */
static void
hear(struct shared_state *all, const struct accord *a)
{
	const bool makes = a->epoch % 4 == 0;
	struct accord own = *a;
	size_t index;
	int e;

	if (makes && all->n < SHARED_STATE_MAX) {
		assert(shared_state_make(all, 1, &own, &index) == 0);
		assert(index < all->n && all->all[index].own);
	}
	e = shared_state_hear(all, 0, a, &index);
	if (e != SHARED_STATE_SAME) {
		assert(e > 0 && index < all->n);
		assert(accord_compare(&all->all[index], a) == 0);
	}
	e = shared_state_hear(all, 0, a, &index);
	assert(e == SHARED_STATE_SAME || e == SHARED_STATE_OLDER);
}

/* In order, each thing once, and the same after a way over the disk. */
static void
check(const struct shared_state *all)
{
	CLEANUP(free_str) char *text = state_file_text(all);
	struct shared_state again = { .n = 0 };

	assert(text != NULL);
	assert(state_file_parse(text, strlen(text), &again) == 0);
	assert(again.n == all->n);
	for (size_t i = 0; i < all->n; i++) {
		const struct accord *a = &all->all[i], *b = &again.all[i];

		assert(i == 0 || accord_compare(&all->all[i - 1], a) < 0);
		assert(accord_compare(a, b) == 0);
		assert(!accord_is_newer(a, b) && !accord_is_newer(b, a));
	}
	shared_state_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct shared_state all = { .n = 0 };
	struct buf b = buf_reader(data, size);
	struct accord a;
	int e = 0;

	while (e >= 0 && b.pos < b.len) {
		e = accord_get(&b, &a);
		if (e == 0)
			hear(&all, &a);
	}
	check(&all);
	shared_state_fini(&all);
	if (state_file_parse((const char *)data, size, &all) == 0) {
		check(&all);
		shared_state_fini(&all);
	}
	return 0;
}

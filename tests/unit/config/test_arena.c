#include "config/arena.h"
#include "tests/lib/test.h"

#include <string.h>

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t lens[] = { 0, 1, 7, 16, 100, 70000, 1, 200000, 3 };
	struct arena a = { .blocks = NULL };
	unsigned char *pieces[ARRAY_LEN(lens)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		pieces[i] = arena_alloc(&a, lens[i]);
		assert_non_null(pieces[i]);
		assert_int_equal(
		    (uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < lens[i]; j++)
			assert_int_equal(pieces[i][j], 0);
		memset(pieces[i], (int)i + 1, lens[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		for (size_t j = 0; j < lens[i]; j++)
			assert_int_equal(pieces[i][j], i + 1);
	arena_fini(&a);
	assert_null(a.blocks);
}

static void
a_copy_is_a_string(void **state)
{
	struct arena a = { .blocks = NULL };

	(void)state;
	assert_text(arena_copy(&a, "abcdef", 3), "abc");
	assert_text(arena_copy(&a, "", 0), "");
	arena_fini(&a);
	arena_fini(&a);
}

static void
the_absurd_is_refused(void **state)
{
	struct arena a = { .blocks = NULL };

	(void)state;
	assert_null(arena_alloc(&a, SIZE_MAX - 3));
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(a_copy_is_a_string),
		cmocka_unit_test(the_absurd_is_refused),
	};

	TEST_MAIN(tests);
}

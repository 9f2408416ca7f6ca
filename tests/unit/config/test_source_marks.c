#include "tests/lib/test.h"

#include "config/schema/source_marks.h"
#include "config/yaml/tree.h"

static void
a_value_finds_its_place_again(void **state)
{
	struct source_marks m = { .marks = NULL };
	static const struct tree_node nodes[1000];
	int values[1001];

	(void)state;
	source_marks_sort(&m);
	assert_null(source_marks_get(&m, &values[0]));
	/* In an order that is not that of memory. */
	for (size_t i = 0; i < 1000; i++) {
		size_t j = i * 7 % 1000;

		assert_int_equal(
		    source_marks_add(&m, &values[j], &nodes[j]), 0);
	}
	source_marks_sort(&m);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(source_marks_get(&m, &values[i]), &nodes[i]);
	assert_null(source_marks_get(&m, &values[1000]));
	source_marks_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_finds_its_place_again),
	};

	TEST_MAIN(tests);
}

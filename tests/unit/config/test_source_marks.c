#include "tests/lib/test.h"

#include "config/schema/source_marks.h"
#include "config/yaml/tree.h"

static void
a_value_finds_its_place_again(void **state)
{
	struct marks m = { .marks = NULL };
	static const struct tree_node nodes[1000];
	int values[1001];

	(void)state;
	marks_sort(&m);
	assert_null(marks_get(&m, &values[0]));
	/* In an order that is not that of memory. */
	for (size_t i = 0; i < 1000; i++) {
		size_t j = i * 7 % 1000;

		assert_int_equal(marks_add(&m, &values[j], &nodes[j]), 0);
	}
	marks_sort(&m);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_equal(marks_get(&m, &values[i]), &nodes[i]);
	assert_null(marks_get(&m, &values[1000]));
	marks_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_finds_its_place_again),
	};

	TEST_MAIN(tests);
}

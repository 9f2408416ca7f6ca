#include "core/late_library.h"

#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

static void
its_functions_are_called_by_pointers(void **state)
{
	static const char *const names[] = { "cos", "fabs" };
	struct {
		double (*cos)(double);
		double (*fabs)(double);
	} math;
	char why[LATE_LIBRARY_WHY_MAX];

	(void)state;
	assert_int_equal(
	    late_library_load("libm.so.6", names, ARRAY_LEN(names), &math, why),
	    0);
	assert_true(math.cos(0) >= 1 && math.fabs(-2) >= 2);
}

/* In words that say which. */
static void
what_is_missing_is_told(void **state)
{
	static const char *const names[] = { "cos", "of_no_library" };
	void *calls[ARRAY_LEN(names)];
	char why[LATE_LIBRARY_WHY_MAX];

	(void)state;
	assert_int_equal(
	    late_library_load("libnone.so.9", names, 1, calls, why), -ENOENT);
	assert_non_null(strstr(why, "libnone.so.9"));
	assert_int_equal(
	    late_library_load("libm.so.6", names, ARRAY_LEN(names), calls, why),
	    -ENOENT);
	assert_non_null(strstr(why, "of_no_library"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_functions_are_called_by_pointers),
		cmocka_unit_test(what_is_missing_is_told),
	};

	TEST_MAIN(tests);
}

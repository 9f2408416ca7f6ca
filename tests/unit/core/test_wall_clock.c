#include "core/wall_clock.h"

#include "tests/lib/test.h"

static void
moments_are_written_in_utc_with_milliseconds(void **state)
{
	char buf[WALL_CLOCK_TEXT_MAX];

	(void)state;
	assert_string_equal(
	    wall_clock_format(0, buf), "1970-01-01T00:00:00.000Z");
	assert_string_equal(
	    wall_clock_format(1700000000007, buf), "2023-11-14T22:13:20.007Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_written_in_utc_with_milliseconds),
	};

	TEST_MAIN(tests);
}

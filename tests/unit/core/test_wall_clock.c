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

/* What we write; nothing else is asked of it. */
static void
what_was_written_is_read(void **state)
{
	char buf[WALL_CLOCK_TEXT_MAX];

	(void)state;
	assert_int_equal(
	    wall_clock_parse(wall_clock_format(1700000000007, buf)),
	    1700000000007);
	assert_int_equal(
	    wall_clock_parse("2023-11-14T22:13:20Z"), 1700000000000);
	assert_int_equal(wall_clock_parse(""), 0);
	assert_int_equal(wall_clock_parse("yesterday"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(moments_are_written_in_utc_with_milliseconds),
	};

	TEST_MAIN(tests);
}

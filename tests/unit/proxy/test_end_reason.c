#include "proxy/data/end_reason.h"

#include "tests/lib/test.h"

#include <string.h>

static void
each_ending_has_two_letters_and_words(void **state)
{
	(void)state;
	for (enum end_reason e = 0; e < END_REASON_COUNT; e++) {
		assert_int_equal(strlen(end_reason_code(e)), 2);
		assert_true(strlen(end_reason_words(e)) > 8);
	}
	assert_string_equal(end_reason_code(END_REASON_NORMAL), "--");
	assert_string_equal(end_reason_code(END_REASON_CLIENT_DATA), "CD");
	assert_string_equal(end_reason_code(END_REASON_SERVER_DATA), "SD");
	assert_string_equal(end_reason_code(END_REASON_SERVER_TIMEOUT), "sC");
	assert_string_equal(end_reason_code(END_REASON_RESOURCES), "RC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ending_has_two_letters_and_words),
	};

	TEST_MAIN(tests);
}

#include "hapair/supervisor/role_ends.h"

#include "tests/lib/test.h"

#define HOUR_MS 3600000

/* As waitpid() has them. */
#define BY_SIGNAL 11
#define WITH_STATUS (3 << 8)

static void
o10_ends_are_counted_with_their_last_reason(void **state)
{
	struct msg_ends e = { .n = 0 };

	(void)state;
	role_ends_note(&e, "", BY_SIGNAL, 1000);
	assert_string_equal(e.reason, "killed by signal 11");
	role_ends_note(&e, "", WITH_STATUS, 2000);
	assert_string_equal(e.reason, "ended with status 3");
	role_ends_note(&e, "stood still", BY_SIGNAL, 3000);
	assert_string_equal(e.reason, "stood still");
	assert_int_equal(e.n, 3);
	assert_int_equal(e.recent, 3);
	assert_int_equal(e.wall_ms, 3000);
}

static void
what_is_more_than_an_hour_ago_is_another_row(void **state)
{
	struct msg_ends e = { .n = 0 };

	(void)state;
	role_ends_note(&e, "", BY_SIGNAL, 1000);
	role_ends_note(&e, "", BY_SIGNAL, 1000 + HOUR_MS);
	assert_int_equal(e.recent, 2);
	role_ends_note(&e, "", BY_SIGNAL, 1001 + 2 * HOUR_MS);
	assert_int_equal(e.recent, 1);
	assert_int_equal(e.n, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(o10_ends_are_counted_with_their_last_reason),
		cmocka_unit_test(what_is_more_than_an_hour_ago_is_another_row),
	};

	TEST_MAIN(tests);
}

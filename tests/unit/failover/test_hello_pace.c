#include "failover/heartbeat/hello_pace.h"
#include "tests/lib/test.h"

static struct mono
at_us(int64_t us)
{
	return (struct mono){ .ns = us * 1000 };
}

/* So many, each read within so long; which of them made it rest, 0: none. */
static unsigned
flood(struct hello_pace *p, unsigned n, int64_t each_us)
{
	for (unsigned i = 1; i <= n; i++)
		if (hello_pace_take(p, at_us(i * each_us)))
			return i;
	return 0;
}

static void
a_flood_is_followed_by_a_rest(void **state)
{
	struct hello_pace p = hello_pace_init();

	(void)state;
	assert_int_equal(flood(&p, 1000, 10), HELLO_PACE_MAX);
	hello_pace_rested(&p, at_us(2000));
	assert_int_equal(flood(&p, 1000, 10), HELLO_PACE_MAX);
}

/* Ten of them, or a hundred, take longer than the rest. */
static void
also_where_each_takes_long(void **state)
{
	static const int64_t each_us[] = { 100, 1000, 5000, 20000 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(each_us); i++) {
		struct hello_pace p = hello_pace_init();

		assert_int_equal(flood(&p, 1000, each_us[i]), HELLO_PACE_MAX);
	}
}

/* There is always another one by the time that the loop would wait. */
static void
also_where_the_loop_hardly_waits(void **state)
{
	struct hello_pace p = hello_pace_init();
	unsigned i = 0;
	bool rests = false;

	(void)state;
	for (; i < 1000 && !rests; i++) {
		hello_pace_wait(&p, at_us(i * 1000));
		hello_pace_go_on(&p, at_us(i * 1000 + 20));
		rests = hello_pace_take(&p, at_us(i * 1000 + 900));
	}
	assert_true(rests);
	assert_in_range(i, HELLO_PACE_MAX, 4 * HELLO_PACE_MAX);
}

/* Five roads all 5 ms, and each hello is read by a loop that had waited. */
static void
a_peer_that_keeps_time_never_waits(void **state)
{
	struct hello_pace p = hello_pace_init();

	(void)state;
	for (unsigned i = 1; i < 10000; i++) {
		hello_pace_go_on(&p, at_us(i * 5000));
		for (unsigned k = 0; k < 5; k++)
			assert_false(
			    hello_pace_take(&p, at_us(i * 5000 + k * 300)));
		hello_pace_wait(&p, at_us(i * 5000 + 1500));
	}
}

/* What it said while we stood still is read at once. */
static void
what_has_waited_for_a_second_is_read(void **state)
{
	struct hello_pace p = hello_pace_init();

	(void)state;
	hello_pace_wait(&p, at_us(0));
	hello_pace_go_on(&p, at_us(1000000));
	assert_int_equal(flood(&p, HELLO_PACE_MAX - 1, 20), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_followed_by_a_rest),
		cmocka_unit_test(also_where_each_takes_long),
		cmocka_unit_test(also_where_the_loop_hardly_waits),
		cmocka_unit_test(a_peer_that_keeps_time_never_waits),
		cmocka_unit_test(what_has_waited_for_a_second_is_read),
	};

	TEST_MAIN(tests);
}

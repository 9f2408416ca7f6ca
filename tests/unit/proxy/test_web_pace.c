#include "proxy/web/web_pace.h"

#include "tests/lib/test.h"

#define MS INT64_C(1000000)

/* A thread that does nothing but work, and rests as long as it is told. */
static void
a_busy_thread_has_a_tenth(void **state)
{
	struct web_pace p = { .left_ns = 0 };
	struct mono now = { 1000 * MS };
	int64_t cpu_ns = 5 * MS;
	const int64_t cpu_begun = cpu_ns, begun = now.ns;

	(void)state;
	(void)!web_pace_rest_ms(&p, cpu_ns, now);
	while (now.ns - begun < 100000 * MS) {
		unsigned rest_ms;

		cpu_ns += 3 * MS;
		now.ns += 3 * MS;
		rest_ms = web_pace_rest_ms(&p, cpu_ns, now);
		assert_true(rest_ms <= 100);
		now.ns += rest_ms * MS;
	}
	assert_in_range((uint64_t)((cpu_ns - cpu_begun) / MS), 9000, 11000);
}

static void
half_a_second_comes_at_once(void **state)
{
	struct web_pace p = { .left_ns = 0 };
	struct mono now = { 1000 * MS };

	(void)state;
	assert_int_equal(web_pace_rest_ms(&p, 0, now), 0);
	now.ns += 400 * MS;
	assert_int_equal(web_pace_rest_ms(&p, 400 * MS, now), 0);
	now.ns += 400 * MS;
	assert_int_equal(web_pace_rest_ms(&p, 800 * MS, now), 100);
	/* However long it was idle, it is no more. */
	now.ns += 3600000 * MS;
	assert_int_equal(web_pace_rest_ms(&p, 801 * MS, now), 0);
	assert_true(p.left_ns <= 500 * MS);
}

/* Of turns that are shorter than a us. */
static void
nothing_is_lost_in_short_turns(void **state)
{
	struct web_pace p = { .left_ns = 0 };
	struct mono now = { 1000 * MS };
	unsigned rests = 0;

	(void)state;
	for (int64_t i = 0; i < 4000000; i++) {
		now.ns += 600;
		rests += web_pace_rest_ms(&p, i * 600, now) > 0;
	}
	assert_true(rests > 0);
}

static void
turns_are_milliseconds_apart(void **state)
{
	struct web_pace p = { .left_ns = 0 };

	(void)state;
	assert_int_equal(web_pace_gap_ms(&p, (struct mono){ MS }), 0);
	p.turned.ns = 1000 * MS;
	assert_int_equal(web_pace_gap_ms(&p, (struct mono){ 1000 * MS }), 4);
	assert_int_equal(
	    web_pace_gap_ms(&p, (struct mono){ 1001 * MS + 1 }), 3);
	assert_int_equal(web_pace_gap_ms(&p, (struct mono){ 1004 * MS }), 0);
	assert_int_equal(web_pace_gap_ms(&p, (struct mono){ 9000 * MS }), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_thread_has_a_tenth),
		cmocka_unit_test(half_a_second_comes_at_once),
		cmocka_unit_test(nothing_is_lost_in_short_turns),
		cmocka_unit_test(turns_are_milliseconds_apart),
	};

	TEST_MAIN(tests);
}

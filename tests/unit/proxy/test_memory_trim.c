#include "proxy/data/memory_trim.h"

#include "tests/lib/test.h"

/* One worker's time: it asks ten times a second, unless it has many. */
static struct mono now;

static bool
asked_after(struct memory_trim *t, unsigned n, unsigned ms)
{
	now = mono_add_ms(now, ms);
	return memory_trim_is_due(t, n, now);
}

/* A minute of looks with so many connections: how often memory goes back. */
static unsigned
stay(struct memory_trim *t, unsigned n)
{
	unsigned given = 0;

	for (int i = 0; i < 600; i++)
		given += asked_after(t, n, 100);
	return given;
}

static void
a_crowd_that_has_left_gives_its_memory_back_once(void **state)
{
	struct memory_trim t = { 0 };

	(void)state;
	assert_int_equal(stay(&t, 1000), 0);
	assert_int_equal(stay(&t, 1), 1);
}

static void
few_or_half_are_not_worth_it(void **state)
{
	struct memory_trim t = { 0 };

	(void)state;
	assert_int_equal(stay(&t, 200), 0);
	assert_int_equal(stay(&t, 0), 0);
	assert_int_equal(stay(&t, 9000), 0);
	assert_int_equal(stay(&t, 4500), 0);
	assert_int_equal(stay(&t, 4499), 1);
}

/* One that takes its time: none of it stays, however slowly it goes. */
static void
r11_the_last_of_a_crowd_take_theirs_along(void **state)
{
	(void)state;
	for (unsigned looks = 0; looks < 40; looks++)
		for (unsigned rest = 300; rest < 500; rest += 10) {
			struct memory_trim t = { 0 };
			unsigned given = stay(&t, 1000);

			/* They stop in the middle for a moment, then go on. */
			for (unsigned i = 0; i < looks; i++)
				given += asked_after(&t, rest, 100);
			given += stay(&t, 1);
			assert_in_range(given, 1, 2);
			assert_int_equal(t.most, 1);
		}
}

static void
nothing_is_done_in_the_midst_of_a_rush(void **state)
{
	struct memory_trim t = { 0 };

	(void)state;
	(void)stay(&t, 1000);
	for (unsigned n = 1000; n >= 70; n -= 70)
		assert_false(asked_after(&t, n, 100));
	assert_int_equal(stay(&t, 0), 1);
}

/* With 100,000 connections: 5 ms from one time to the next. */
static void
who_asks_more_often_gets_no_other_answer(void **state)
{
	struct memory_trim t = { 0 };
	unsigned n = 100000, given = 0, calm_ms = 0;

	(void)state;
	(void)stay(&t, n);
	/* A rush, of which each glance sees a few. */
	for (; n > 1000; n -= 500)
		given += asked_after(&t, n, 5);
	assert_int_equal(given, 0);
	while (given == 0 && calm_ms < 10000) {
		calm_ms += 5;
		given = asked_after(&t, n, 5);
	}
	assert_in_range(calm_ms, 900, 1200);
}

static void
connections_that_come_and_go_are_no_crowd(void **state)
{
	struct memory_trim t = { 0 };
	unsigned given = 0;

	(void)state;
	for (unsigned i = 0; i < 6000; i++)
		given += asked_after(&t, 800 + i * 7919 % 200, 100);
	assert_int_equal(given, 0);
}

static void
r11_a_crowd_between_two_looks_is_one(void **state)
{
	struct memory_trim t = { 0 };

	(void)state;
	assert_int_equal(stay(&t, 1), 0);
	memory_trim_note(&t, 1000);
	assert_int_equal(stay(&t, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_crowd_that_has_left_gives_its_memory_back_once),
		cmocka_unit_test(few_or_half_are_not_worth_it),
		cmocka_unit_test(r11_the_last_of_a_crowd_take_theirs_along),
		cmocka_unit_test(r11_a_crowd_between_two_looks_is_one),
		cmocka_unit_test(nothing_is_done_in_the_midst_of_a_rush),
		cmocka_unit_test(who_asks_more_often_gets_no_other_answer),
		cmocka_unit_test(connections_that_come_and_go_are_no_crowd),
	};

	TEST_MAIN(tests);
}

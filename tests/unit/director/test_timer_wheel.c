#include "director/timer_wheel.h"

#include "tests/lib/test.h"

#define SLOTS 8
#define BUCKETS 16

static struct slot_list buckets[BUCKETS];
static struct slot_list_link links[SLOTS];
static uint32_t places[SLOTS];
static const struct mono start = { .ns = INT64_C(123456789012) };

static struct timer_wheel
wheel(void)
{
	struct timer_wheel w = { .buckets = buckets,
		.links = links,
		.places = places,
		.n_buckets = BUCKETS };

	timer_wheel_init(&w, SLOTS, start);
	return w;
}

static struct mono
in_ms(int64_t ms)
{
	return mono_add_ms(start, ms);
}

/* When it comes up, set again whenever it is early; in steps of 1 ms. */
static int64_t
comes_up(struct timer_wheel *w, int64_t due_ms)
{
	unsigned early = 0;

	for (int64_t ms = 0; ms < 10000; ms++) {
		const uint32_t slot = timer_wheel_next(w, in_ms(ms));

		if (slot == SLOT_LIST_NONE)
			continue;
		if (ms >= due_ms) {
			/* Once a turn of the wheel, and no more often. */
			assert_true(early <= (uint64_t)ms /
			            ((BUCKETS - 2) * TIMER_WHEEL_TICK_MS) +
			        1);
			return ms;
		}
		early++;
		timer_wheel_set(w, slot, in_ms(due_ms));
	}
	return -1;
}

static void
nothing_comes_up_before_its_time_nor_a_tick_late(void **state)
{
	static const int64_t due_ms[] = { 0, 1, 15, 16, 17, 100, 239, 240, 256,
		257, 1000, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(due_ms); i++) {
		struct timer_wheel w = wheel();
		int64_t at;

		timer_wheel_set(&w, 3, in_ms(due_ms[i]));
		at = comes_up(&w, due_ms[i]);
		assert_true(at >= due_ms[i]);
		assert_true(at <= due_ms[i] + TIMER_WHEEL_TICK_MS + 1);
		assert_int_equal(w.n, 0);
	}
}

static void
what_is_set_anew_comes_up_once(void **state)
{
	struct timer_wheel w = wheel();
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < SLOTS; i++)
		timer_wheel_set(&w, i, in_ms(20));
	timer_wheel_set(&w, 1, in_ms(60));
	timer_wheel_set(&w, 2, mono_never());
	timer_wheel_set(&w, 2, mono_never());
	for (int64_t ms = 0; ms < 50; ms++)
		while (timer_wheel_next(&w, in_ms(ms)) != SLOT_LIST_NONE)
			n++;
	assert_int_equal(n, SLOTS - 2);
	assert_int_equal(w.n, 1);
	assert_int_equal(comes_up(&w, 60) >= 60, 1);
}

static void
it_wakes_when_there_is_something(void **state)
{
	struct timer_wheel w = wheel();
	struct mono wake;

	(void)state;
	assert_true(mono_is_never(timer_wheel_wake(&w)));
	timer_wheel_set(&w, 5, in_ms(100));
	wake = timer_wheel_wake(&w);
	assert_false(mono_before(wake, in_ms(100)));
	assert_int_equal(timer_wheel_next(&w, wake), 5);
}

/* An idle node's wheel stands still; its time goes on. */
static void
a_wheel_that_stood_still_goes_on_from_now(void **state)
{
	struct timer_wheel w = wheel();

	(void)state;
	assert_int_equal(timer_wheel_next(&w, in_ms(86400000)), SLOT_LIST_NONE);
	timer_wheel_set(&w, 0, in_ms(86400000 + 50));
	assert_int_equal(
	    timer_wheel_next(&w, in_ms(86400000 + 40)), SLOT_LIST_NONE);
	assert_int_equal(timer_wheel_next(&w, in_ms(86400000 + 70)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    nothing_comes_up_before_its_time_nor_a_tick_late),
		cmocka_unit_test(what_is_set_anew_comes_up_once),
		cmocka_unit_test(it_wakes_when_there_is_something),
		cmocka_unit_test(a_wheel_that_stood_still_goes_on_from_now),
	};

	TEST_MAIN(tests);
}

#include "proxy/data/timers.h"

#include "tests/lib/test.h"

#include <stdlib.h>

#define TIMERS 500

/* What has been told, in order. */
static struct told {
	struct timers_timer timer;
	struct mono due;
	unsigned times;
} all[TIMERS];
static struct timers timers;
static struct mono last;

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
on_due(struct timers_timer *t)
{
	struct told *one = CONTAINER_OF(t, struct told, timer);

	assert_false(timers_is_set(t));
	assert_false(mono_before(one->due, last));
	last = one->due;
	one->times++;
}

static void
join(unsigned n)
{
	last = at(0);
	for (unsigned i = 0; i < n; i++) {
		all[i] = (struct told){ 0 };
		assert_int_equal(
		    timers_join(&timers, &all[i].timer, on_due), 0);
	}
}

static void
leave(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		timers_leave(&timers, &all[i].timer);
	assert_int_equal(timers_wait_ms(&timers, at(0)), -1);
	timers_fini(&timers);
}

static void
set(unsigned i, int64_t ms)
{
	all[i].due = at(ms);
	timers_set(&timers, &all[i].timer, all[i].due);
}

static void
each_is_told_once_and_in_time(void **state)
{
	(void)state;
	join(3);
	set(0, 30);
	set(1, 10);
	set(2, 20);
	assert_int_equal(timers_wait_ms(&timers, at(0)), 10);
	timers_run(&timers, at(9));
	assert_int_equal(all[1].times, 0);
	timers_run(&timers, at(10));
	assert_int_equal(all[1].times, 1);
	assert_int_equal(timers_wait_ms(&timers, at(25)), 0);
	timers_run(&timers, at(99));
	timers_run(&timers, at(99));
	for (int i = 0; i < 3; i++)
		assert_int_equal(all[i].times, 1);
	leave(3);
}

static void
one_that_is_set_anew_forgets_what_was(void **state)
{
	(void)state;
	join(2);
	set(0, 10);
	set(1, 20);
	set(0, 30);
	timers_run(&timers, at(25));
	assert_int_equal(all[0].times, 0);
	assert_int_equal(all[1].times, 1);
	set(0, 26);
	assert_int_equal(timers_wait_ms(&timers, at(25)), 1);
	assert_int_equal(timers_wait_ms(&timers, at(26)), 0);
	timers_stop(&timers, &all[0].timer);
	timers_stop(&timers, &all[0].timer);
	assert_false(timers_is_set(&all[0].timer));
	timers_run(&timers, at(99));
	assert_int_equal(all[0].times, 0);
	leave(2);
}

/* Whatever is set, set anew and stopped: by chance, and always in order. */
static void
many_come_in_order(void **state)
{
	bool is_set[TIMERS] = { false };

	(void)state;
	srand(1);
	join(TIMERS);
	for (int i = 0; i < 20000; i++) {
		unsigned k = (unsigned)rand() % TIMERS;

		is_set[k] = rand() % 4 != 0;
		if (is_set[k])
			set(k, rand() % 1000);
		else
			timers_stop(&timers, &all[k].timer);
	}
	for (int ms = 0; ms < 1000; ms += 7) {
		timers_run(&timers, at(ms));
		for (unsigned k = 0; k < TIMERS; k++)
			assert_int_equal(all[k].times,
			    is_set[k] && !mono_before(at(ms), all[k].due));
	}
	leave(TIMERS);
}

static void
on_due_again(struct timers_timer *t)
{
	on_due(t);
	set(0, 50);
	timers_stop(&timers, &all[1].timer);
}

static void
who_is_told_may_set_and_stop(void **state)
{
	(void)state;
	join(2);
	all[0].timer.on_due = on_due_again;
	set(0, 10);
	set(1, 10);
	timers_run(&timers, at(20));
	assert_int_equal(all[0].times, 1);
	assert_int_equal(all[1].times, 0);
	assert_true(timers_is_set(&all[0].timer));
	leave(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_told_once_and_in_time),
		cmocka_unit_test(one_that_is_set_anew_forgets_what_was),
		cmocka_unit_test(many_come_in_order),
		cmocka_unit_test(who_is_told_may_set_and_stop),
	};

	TEST_MAIN(tests);
}

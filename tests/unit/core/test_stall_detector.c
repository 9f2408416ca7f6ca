#include "core/stall_detector.h"

#include "tests/lib/test.h"

#define LIMIT_MS 1000
#define LOOK_MS 50
#define WORKERS 4

static struct mono
at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

/* Looks every 50 ms from `from_ms` up to `to_ms`, both included. */
static bool
look(struct stall_detector *s, uint64_t count, int64_t from_ms, int64_t to_ms)
{
	bool stands = false;

	for (int64_t t = from_ms; t <= to_ms; t += LOOK_MS)
		stands = stall_detector_look(s, count, at_ms(t), LIMIT_MS);
	return stands;
}

static void
a_count_that_moves_never_stands(void **state)
{
	struct stall_detector s = stall_detector_init();

	(void)state;
	for (int64_t t = 0; t < 10000; t += LOOK_MS)
		assert_false(stall_detector_look(
		    &s, (uint64_t)t / 900, at_ms(t), LIMIT_MS));
}

static void
a_count_stands_when_the_limit_is_reached(void **state)
{
	struct stall_detector s = stall_detector_init();

	(void)state;
	assert_false(look(&s, 7, 0, 950));
	assert_true(look(&s, 7, 1000, 1000));
	assert_true(look(&s, 7, 1050, 5000));
	/* It runs again, and the time is counted anew. */
	assert_false(look(&s, 8, 5050, 6000));
	assert_true(look(&s, 8, 6050, 6050));
}

/* Also from 0, and where it wraps: any other number is a sign of life. */
static void
a_count_need_not_grow(void **state)
{
	struct stall_detector s = stall_detector_init();

	(void)state;
	assert_false(look(&s, 7, 0, 950));
	assert_false(look(&s, 0, 1000, 1950));
	assert_true(look(&s, 0, 2000, 2000));
}

/*
 * The watcher was stopped along with the watched, or the host was paused: for
 * all we know the other had no chance to move either.
 */
static void
a_watcher_that_was_late_begins_anew(void **state)
{
	struct stall_detector s = stall_detector_init();

	(void)state;
	assert_false(look(&s, 7, 0, 900));
	assert_false(look(&s, 7, 6000, 6950));
	assert_true(look(&s, 7, 7000, 7000));
	/* Standing already, a late look does not wake it. */
	assert_true(look(&s, 7, 20000, 20000));
}

static void
a_look_of_some_lateness_counts(void **state)
{
	struct stall_detector s = stall_detector_init();

	(void)state;
	assert_false(stall_detector_look(&s, 7, at_ms(0), LIMIT_MS));
	assert_false(stall_detector_look(&s, 7, at_ms(500), LIMIT_MS));
	assert_true(stall_detector_look(&s, 7, at_ms(1000), LIMIT_MS));
}

/* One worker of four stands; the others and the main thread turn. */
static void
one_of_several_is_found(void **state)
{
	struct stall_detector all[1 + WORKERS];
	uint64_t counts[1 + WORKERS] = { 0 };
	int found = -1;

	(void)state;
	for (unsigned i = 0; i <= WORKERS; i++)
		all[i] = stall_detector_init();
	for (int64_t t = 0; t <= 3000; t += LOOK_MS) {
		for (unsigned i = 0; i <= WORKERS; i++)
			if (i != 2 || t > 2000)
				counts[i]++;
		found = stall_detector_first(
		    all, counts, 1 + WORKERS, at_ms(t), LIMIT_MS);
		assert_int_equal(found, t >= 1000 && t <= 2000 ? 2 : -1);
		assert_false(stall_detector_every(
		    all, counts, 1 + WORKERS, at_ms(t), LIMIT_MS));
	}
}

static void
all_stand_when_the_last_one_does(void **state)
{
	struct stall_detector all[2] = { stall_detector_init(),
		stall_detector_init() };
	uint64_t counts[2] = { 5, 5 };

	(void)state;
	for (int64_t t = 0; t <= 3000; t += LOOK_MS) {
		if (t == 1000)
			counts[1]++;
		assert_int_equal(
		    stall_detector_every(all, counts, 2, at_ms(t), LIMIT_MS),
		    t >= 2000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_that_moves_never_stands),
		cmocka_unit_test(a_count_stands_when_the_limit_is_reached),
		cmocka_unit_test(a_count_need_not_grow),
		cmocka_unit_test(a_watcher_that_was_late_begins_anew),
		cmocka_unit_test(a_look_of_some_lateness_counts),
		cmocka_unit_test(one_of_several_is_found),
		cmocka_unit_test(all_stand_when_the_last_one_does),
	};

	TEST_MAIN(tests);
}

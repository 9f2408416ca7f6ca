#include "failover/vip/garp_schedule.h"

#include "tests/lib/test.h"

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

/* The times at which frames go out until `end_ms`, asked each millisecond. */
static unsigned
run(struct garp_schedule *s, struct garp_schedule_lane *lane, int64_t end_ms,
    int64_t *ret_ms)
{
	unsigned n = 0, frame;

	for (int64_t ms = 0; ms <= end_ms; ms++)
		while (garp_schedule_next(s, lane, at(ms), &frame))
			ret_ms[n++] = ms;
	return n;
}

static void
one_frame_goes_out_at_the_written_times(void **state)
{
	static const int64_t times_ms[] = { 0, 20, 100, 500, 1100, 2000, 5000,
		65000, 125000 };
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s = garp_schedule_idle();
	int64_t got[32];

	(void)state;
	garp_schedule_start(&s, 1, 0, at(0));
	assert_int_equal(run(&s, &lane, 130000, got), ARRAY_LEN(times_ms));
	assert_memory_equal(got, times_ms, sizeof(times_ms));
}

static void
frames_on_one_interface_keep_their_distance(void **state)
{
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s[2] = { garp_schedule_idle(),
		garp_schedule_idle() };
	int64_t last = -1000;
	unsigned frame, n = 0;

	(void)state;
	garp_schedule_start(&s[0], 5, 0, at(0));
	garp_schedule_start(&s[1], 9, 0, at(3));
	for (int64_t ms = 0; ms < 1000; ms++) {
		for (int i = 0; i < 2; i++) {
			if (!garp_schedule_next(&s[i], &lane, at(ms), &frame))
				continue;
			assert_true(ms - last >= GARP_SCHEDULE_GAP_MS);
			last = ms;
			n++;
		}
	}
	assert_true(n >= 28);
}

/* Until its first announcement an address is dead: none waits for another. */
static void
the_first_word_for_each_address_does_not_wait(void **state)
{
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s = garp_schedule_idle();
	static int64_t got[1000];

	(void)state;
	garp_schedule_start(&s, 5, 3, at(0));
	assert_int_equal(run(&s, &lane, 99, got), 10);
	assert_int_equal(got[2], 0);
	assert_int_equal(got[3], 10);
	assert_int_equal(got[4], 20);
	assert_int_equal(got[5], 30); /* the next round is paced whole */
	assert_int_equal(got[6], 40);
}

static void
rounds_that_are_overdue_are_one(void **state)
{
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s = garp_schedule_idle();
	static int64_t got[1000];

	(void)state;
	/* 64 frames take 640 ms: rounds 20, 100 and 500 ms are one. */
	garp_schedule_start(&s, 64, 0, at(0));
	assert_int_equal(run(&s, &lane, 1919, got), 3 * 64);
	assert_int_equal(got[0], 0);
	assert_int_equal(got[63], 630);
	assert_int_equal(got[64], 640);
}

static void
doubts_in_a_row_make_no_storm(void **state)
{
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s = garp_schedule_idle();
	unsigned frame, n = 0;

	(void)state;
	for (int64_t ms = 0; ms < 1000; ms++) {
		garp_schedule_start(&s, 1, 0, at(ms));
		n += garp_schedule_next(&s, &lane, at(ms), &frame);
	}
	assert_int_equal(n, 4);
	garp_schedule_start(&s, 1, 0, at(1000));
	assert_true(garp_schedule_next(&s, &lane, at(1000), &frame));
	/* A new reign does not wait. */
	garp_schedule_stop(&s);
	garp_schedule_start(&s, 1, 0, at(1010));
	assert_true(garp_schedule_next(&s, &lane, at(1010), &frame));
}

static void
an_idle_schedule_sleeps(void **state)
{
	struct garp_schedule_lane lane = garp_schedule_lane_init();
	struct garp_schedule s = garp_schedule_idle();
	unsigned frame;

	(void)state;
	assert_true(mono_is_never(garp_schedule_wake(&s, &lane)));
	garp_schedule_start(&s, 0, 0, at(0));
	assert_false(garp_schedule_next(&s, &lane, at(9), &frame));
	garp_schedule_start(&s, 1, 0, at(0));
	garp_schedule_stop(&s);
	assert_false(garp_schedule_next(&s, &lane, at(9), &frame));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_frame_goes_out_at_the_written_times),
		cmocka_unit_test(frames_on_one_interface_keep_their_distance),
		cmocka_unit_test(the_first_word_for_each_address_does_not_wait),
		cmocka_unit_test(rounds_that_are_overdue_are_one),
		cmocka_unit_test(doubts_in_a_row_make_no_storm),
		cmocka_unit_test(an_idle_schedule_sleeps),
	};

	TEST_MAIN(tests);
}

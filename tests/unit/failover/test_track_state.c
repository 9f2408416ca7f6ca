#include "failover/election/track_state.h"

#include "config/config.h"
#include "tests/lib/test.h"

static struct mono
at_ms(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
what_is_not_known_is_well(void **state)
{
	const struct track_state t = track_state_init();

	(void)state;
	assert_true(t.ok);
	assert_true(mono_is_never(t.wake));
}

static void
an_interface_is_down_at_once_and_up_after_a_second(void **state)
{
	struct track_state t = track_state_init();

	(void)state;
	track_state_see(&t, true, at_ms(0));
	assert_true(t.ok);
	track_state_see(&t, false, at_ms(10));
	assert_false(t.ok);
	assert_true(mono_is_never(t.wake));
	track_state_see(&t, true, at_ms(100));
	assert_false(t.ok);
	assert_int_equal(t.wake.ns, at_ms(1100).ns);
	track_state_see(&t, true, at_ms(1099));
	assert_false(t.ok);
	assert_int_equal(t.wake.ns, at_ms(1100).ns);
	track_state_see(&t, true, at_ms(1100));
	assert_true(t.ok);
	assert_true(mono_is_never(t.wake));
}

static void
an_interface_that_flaps_stays_down(void **state)
{
	struct track_state t = track_state_init();

	(void)state;
	for (int64_t ms = 0; ms < 5000; ms += 500) {
		track_state_see(&t, false, at_ms(ms));
		track_state_see(&t, true, at_ms(ms + 10));
		track_state_see(&t, true, at_ms(ms + 490));
		assert_false(t.ok);
	}
	track_state_see(&t, true, at_ms(5510));
	assert_true(t.ok);
}

static void
an_interface_begins_as_it_is(void **state)
{
	struct track_state t = track_state_init();

	(void)state;
	track_state_begin(&t, false);
	assert_false(t.ok);
	track_state_begin(&t, true);
	assert_true(t.ok);
	assert_true(mono_is_never(t.wake));
}

static void
a_service_is_well_with_enough_servers(void **state)
{
	const struct config_track two = { .service = "s", .min_servers = 2 };
	struct track_state t = track_state_init();

	(void)state;
	track_state_count(&t, &two, 1, 0);
	assert_false(t.ok);
	track_state_count(&t, &two, 2, 0);
	assert_true(t.ok);
	track_state_count(&t, &two, 0, 0);
	assert_false(t.ok);
	track_state_count(&t, &two, 3, 0);
	assert_true(t.ok);
}

/* A relay that was started again goes through its first checks. */
static void
servers_of_which_nothing_is_known_change_nothing(void **state)
{
	static const struct {
		uint32_t up, unknown;
		bool was, is;
	} rows[] = {
		{ 0, 3, true, true },
		{ 1, 2, true, true },
		{ 0, 2, false, false },
		{ 1, 1, false, false },
		{ 2, 1, false, true },
		{ 0, 1, true, false },
		{ 1, 0, true, false },
	};
	const struct config_track two = { .service = "s", .min_servers = 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct track_state t = track_state_init();

		t.ok = rows[i].was;
		track_state_count(&t, &two, rows[i].up, rows[i].unknown);
		assert_int_equal(t.ok, rows[i].is);
	}
}

/* Results as + and -, and what is said of the script after each. */
static void
a_script_rises_and_falls_by_results_in_a_row(void **state)
{
	static const struct {
		uint32_t rise, fall;
		const char *runs, *ok;
	} rows[] = {
		{ 1, 1, "+-+--+", "+-+--+" },
		{ 2, 3, "---++", "++--+" },
		{ 2, 3, "--+--+---", "++++++++-" },
		{ 3, 1, "-++-++-+++", "---------+" },
		{ 1, 2, "-+-+-+--+", "+++++++-+" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config_track c = { .script = "/s",
			.rise = rows[i].rise,
			.fall = rows[i].fall };
		struct track_state t = track_state_init();

		test_row(rows[i].runs);
		for (size_t k = 0; rows[i].runs[k] != '\0'; k++) {
			track_state_run(&t, &c, rows[i].runs[k] == '+');
			assert_int_equal(t.ok, rows[i].ok[k] == '+');
		}
	}
}

static void
weights_add_up_and_a_fault_is_the_first_one(void **state)
{
	const struct config_track configs[] = { { .weight = 20 },
		{ .weight = 0 }, { .weight = 60 }, { .weight = 0 } };
	struct track_state all[4];
	struct track_state_sum sum = track_state_sum_none();

	(void)state;
	for (int i = 0; i < 4; i++) {
		all[i] = track_state_init();
		track_state_add(&sum, i, &all[i], &configs[i]);
	}
	assert_int_equal(sum.fault, -1);
	assert_int_equal(track_state_priority(150, &sum), 150);

	sum = track_state_sum_none();
	for (int i = 0; i < 4; i++) {
		all[i].ok = i == 1;
		track_state_add(&sum, i, &all[i], &configs[i]);
	}
	assert_int_equal(sum.fault, 3);
	assert_int_equal(track_state_priority(150, &sum), 70);
	assert_int_equal(track_state_priority(81, &sum), 1);
	assert_int_equal(track_state_priority(80, &sum), 1);
	assert_int_equal(track_state_priority(1, &sum), 1);
}

/* As many as there may be, each with the greatest weight. */
static void
a_priority_never_falls_below_one(void **state)
{
	const struct config_track heavy = { .weight = 253 };
	struct track_state bad = track_state_init();
	struct track_state_sum sum = track_state_sum_none();

	(void)state;
	bad.ok = false;
	for (int i = 0; i < CONFIG_TRACKS_MAX; i++)
		track_state_add(&sum, i, &bad, &heavy);
	assert_int_equal(sum.fault, -1);
	assert_int_equal(track_state_priority(254, &sum), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_well),
		cmocka_unit_test(
		    an_interface_is_down_at_once_and_up_after_a_second),
		cmocka_unit_test(an_interface_that_flaps_stays_down),
		cmocka_unit_test(an_interface_begins_as_it_is),
		cmocka_unit_test(a_service_is_well_with_enough_servers),
		cmocka_unit_test(
		    servers_of_which_nothing_is_known_change_nothing),
		cmocka_unit_test(a_script_rises_and_falls_by_results_in_a_row),
		cmocka_unit_test(weights_add_up_and_a_fault_is_the_first_one),
		cmocka_unit_test(a_priority_never_falls_below_one),
	};

	TEST_MAIN(tests);
}

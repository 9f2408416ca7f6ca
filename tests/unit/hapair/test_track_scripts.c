#include "hapair/supervisor/track_scripts.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 100

/* What was said of two scripts: "+" for a run that passed, "-" for others. */
struct heard {
	char results[2][RESULTS_MAX];
	size_t n[2];
};

static void
on_result(void *arg, unsigned track, bool passed)
{
	struct heard *h = arg;

	track -= track > 1; /* the second of the three is no script */
	assert_true(track < 2 && h->n[track] < RESULTS_MAX - 1);
	h->results[track][h->n[track]++] = passed ? '+' : '-';
}

static void
on_enough(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static void
run_for(struct ev_loop *loop, double seconds)
{
	ev_timer enough;

	ev_now_update(loop);
	ev_timer_init(&enough, on_enough, seconds, 0.);
	ev_timer_start(loop, &enough);
	(void)ev_run(loop, 0);
	ev_timer_stop(loop, &enough);
}

static void
each_run_tells_its_result_and_both_go_their_way(void **state)
{
	char good[SCRATCH_PATH_MAX], bad[SCRATCH_PATH_MAX];
	struct config_track tracks[] = {
		{ .script = scratch_script("good", "exit 0", good),
		    .interval_ms = 100,
		    .timeout_ms = 5000 },
		{ .interface = "eth0" },
		{ .script = scratch_script("bad", "exit 1", bad),
		    .interval_ms = 10000,
		    .timeout_ms = 5000 },
	};
	const struct config c = { .has_pair = true,
		.pair = { .tracks = tracks, .n_tracks = 3 } };
	struct heard h = { .n = { 0 } };
	struct track_scripts s;

	(void)state;
	track_scripts_start(&s, &c, on_result, &h);
	assert_int_equal(s.n, 2);
	run_for(s.loop, 1.05);
	/* At 0, 100, ... ms, as far as the machine keeps up. */
	assert_true(h.n[0] >= 4 && h.n[0] <= 11);
	assert_int_equal(strspn(h.results[0], "+"), h.n[0]);
	assert_text(h.results[1], "-");
	track_scripts_repeat(&s);
	assert_text(h.results[1], "--");
	track_scripts_stop(&s);
}

/* Each run writes where it begins and ends: they must not interleave. */
static void
there_are_never_two_of_one_script_at_once(void **state)
{
	char slow[SCRATCH_PATH_MAX], *text;
	struct config_track tracks[] = { {
	    .script = scratch_script(
		"slow", "echo a >>out; sleep 0.25; echo b >>out", slow),
	    .interval_ms = 100,
	    .timeout_ms = 5000,
	} };
	const struct config c = { .has_pair = true,
		.pair = { .tracks = tracks, .n_tracks = 1 } };
	struct heard h = { .n = { 0 } };
	struct track_scripts s;

	(void)state;
	track_scripts_start(&s, &c, on_result, &h);
	run_for(s.loop, 1.5);
	track_scripts_stop(&s);
	/* Back to back, since the next is due before the last has ended. */
	assert_true(h.n[0] >= 2 && h.n[0] <= 6);
	assert_int_equal(strspn(h.results[0], "+"), h.n[0]);
	text = scratch_text("out");
	assert_non_null(text);
	for (size_t i = 0; text[i] != '\0'; i++)
		assert_int_equal(text[i], "a\nb\n"[i % 4]);
	free(text);
}

static void
one_that_hangs_has_failed_when_its_time_is_over(void **state)
{
	char hang[SCRATCH_PATH_MAX];
	struct config_track tracks[] = { {
	    .script = scratch_script("hang", "sleep 60", hang),
	    .interval_ms = 400,
	    .timeout_ms = 200,
	} };
	const struct config c = { .has_pair = true,
		.pair = { .tracks = tracks, .n_tracks = 1 } };
	struct heard h = { .n = { 0 } };
	struct track_scripts s;

	(void)state;
	track_scripts_start(&s, &c, on_result, &h);
	run_for(s.loop, 0.1);
	assert_text(h.results[0], "");
	run_for(s.loop, 0.2);
	assert_text(h.results[0], "-"); /* told once, not at its end again */
	run_for(s.loop, 0.4);
	assert_text(h.results[0], "--");
	track_scripts_stop(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_run_tells_its_result_and_both_go_their_way),
		cmocka_unit_test(there_are_never_two_of_one_script_at_once),
		cmocka_unit_test(
		    one_that_hangs_has_failed_when_its_time_is_over),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

#include "hapair/supervisor/track_scripts.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdlib.h>
#include <string.h>

#define RESULTS_MAX 100

/* A machine may be slow: then it takes longer, and nothing is wrong. */
#define PATIENCE_S 30.

/* What was said of two scripts: "+" for a run that passed, "-" for others. */
struct heard {
	char results[2][RESULTS_MAX];
	size_t n[2];
	size_t wanted; /* of the first: then the loop ends */
	struct ev_loop *loop;
};

static void
on_result(void *arg, unsigned track, bool passed)
{
	struct heard *h = arg;

	track -= track > 1; /* the second of the three is no script */
	assert_true(track < 2 && h->n[track] < RESULTS_MAX - 1);
	h->results[track][h->n[track]++] = passed ? '+' : '-';
	if (h->loop != NULL && h->n[0] >= h->wanted)
		ev_break(h->loop, EVBREAK_ALL);
}

static void
on_enough(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)t;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

/* Until the first script was heard of so often. Returns the seconds it took. */
static double
run_until(struct ev_loop *loop, struct heard *h, size_t wanted)
{
	ev_timer enough;
	double begun;

	h->loop = loop;
	h->wanted = wanted;
	ev_now_update(loop);
	begun = ev_now(loop);
	ev_timer_init(&enough, on_enough, PATIENCE_S, 0.);
	ev_timer_start(loop, &enough);
	(void)ev_run(loop, 0);
	ev_timer_stop(loop, &enough);
	ev_now_update(loop);
	return ev_now(loop) - begun;
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
	double took_s;

	(void)state;
	track_scripts_start(&s, &c, on_result, &h);
	assert_int_equal(s.n, 2);
	/* At 0, 100, ... ms, as far as the machine keeps up. */
	took_s = run_until(s.loop, &h, 5);
	while (h.n[1] == 0)
		took_s += run_until(s.loop, &h, h.n[0] + 1);
	assert_true(h.n[0] >= 5 && took_s > (double)(h.n[0] - 1) * 0.1 - 0.1);
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
	/* Back to back, since the next is due before the last has ended. */
	(void)run_until(s.loop, &h, 4);
	track_scripts_stop(&s);
	assert_text(h.results[0], "++++");
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
	double first_s, both_s;

	(void)state;
	track_scripts_start(&s, &c, on_result, &h);
	first_s = run_until(s.loop, &h, 1);
	both_s = first_s + run_until(s.loop, &h, 2);
	track_scripts_stop(&s);
	/* Each told once, not at its end again: then the second came at once.
	 */
	assert_text(h.results[0], "--");
	assert_true(first_s > 0.15 && first_s < PATIENCE_S);
	assert_true(both_s > 0.5 && both_s < PATIENCE_S);
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

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

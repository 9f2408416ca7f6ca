#include "hapair/supervisor/reload_step.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#define STATES 5

/* As letters: what is done, in order; and the state that follows. */
static const char action_letters[] = {
	[RELOAD_STEP_START] = 's',
	[RELOAD_STEP_GIVE] = 'g',
	[RELOAD_STEP_ADOPT] = 'a',
	[RELOAD_STEP_KILL_FAILOVER] = 'k',
	[RELOAD_STEP_GO_ON] = 'o',
	[RELOAD_STEP_DISCARD] = 'd',
	[RELOAD_STEP_TELL_DONE] = '+',
	[RELOAD_STEP_TELL_LATE] = '~',
	[RELOAD_STEP_TELL_FAILED] = '-',
};
static const char state_letters[] = {
	[RELOAD_STEP_IDLE] = 'I',
	[RELOAD_STEP_PREPARING] = 'P',
	[RELOAD_STEP_TAKING] = 'T',
	[RELOAD_STEP_SWITCHING] = 'S',
	[RELOAD_STEP_BEGINNING] = 'B',
};

/* Every event in every state, with nobody ready yet. */
static const struct row {
	enum reload_step_event event;
	const char *name;
	const char *answers[STATES]; /* in the order of the states */
} rows[] = {
	{ RELOAD_STEP_BEGIN, "begin", { "sP", "P", "T", "S", "B" } },
	{ RELOAD_STEP_RELAY_READY, "relay ready", { "I", "P", "T", "S", "B" } },
	{ RELOAD_STEP_FAILOVER_LOADED, "failover loaded",
	    { "I", "P", "T", "S", "B" } },
	{ RELOAD_STEP_FAILOVER_READY, "failover ready",
	    { "I", "P", "T", "S", "+I" } },
	{ RELOAD_STEP_MOVES_ACTIVE, "a fence runs",
	    { "I", "P", "d-I", "S", "B" } },
	{ RELOAD_STEP_TAKING_ON, "taking on", { "I", "P", "T", "S", "B" } },
	{ RELOAD_STEP_TAKEN, "taken", { "I", "P", "akS", "S", "B" } },
	{ RELOAD_STEP_RELAY_ENDED, "new relay ended",
	    { "I", "d-I", "d-I", "S", "B" } },
	{ RELOAD_STEP_FAILOVER_ENDED, "new failover ended",
	    { "I", "d-I", "T", "S", "B" } },
	{ RELOAD_STEP_OLD_RELAY_ENDED, "old relay ended",
	    { "I", "P", "T", "S", "B" } },
	{ RELOAD_STEP_OLD_FAILOVER_ENDED, "old failover ended",
	    { "I", "P", "T", "oB", "B" } },
	{ RELOAD_STEP_OVERDUE, "overdue", { "I", "d-I", "d-I", "~S", "~I" } },
	{ RELOAD_STEP_STOP, "stop", { "I", "d-I", "T", "S", "B" } },
};

static const char *
answer(const struct reload_step *r, const struct reload_step_out *out,
    char text[static RELOAD_STEP_ACTIONS_MAX + 2])
{
	unsigned n = 0;

	while (n < out->n_actions) {
		text[n] = action_letters[out->actions[n]];
		n++;
	}
	text[n++] = state_letters[r->state];
	text[n] = '\0';
	return text;
}

static void
every_event_has_its_answer_in_every_state(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), RELOAD_STEP_EVENTS);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (unsigned s = 0; s < STATES; s++) {
			const struct reload_step before = {
				.state = (enum reload_step_state)s
			};
			struct reload_step_out out;
			struct reload_step after;
			char text[RELOAD_STEP_ACTIONS_MAX + 2];

			assert_int_equal(rows[i].event, i);
			test_row(rows[i].name);
			after = reload_step_do(&before, rows[i].event, &out);
			assert_text(
			    answer(&after, &out, text), rows[i].answers[s]);
			/* Whoever waits does not wait for ever. */
			if (after.state != before.state)
				assert_true((out.patience_ms > 0) ==
				    (after.state != RELOAD_STEP_IDLE));
			/* Not even while the old failover does not end. */
			if (reload_step_delays_stop(&after))
				assert_true(after.state >= RELOAD_STEP_TAKING);
			if (rows[i].event == RELOAD_STEP_OVERDUE)
				assert_false(reload_step_delays_stop(&after));
			/* Whatever failed says why, and nothing else does. */
			assert_true((out.fault != RELOAD_STEP_WELL) ==
			    (strchr(text, '-') != NULL));
		}
}

/* Ways through it, as they happen. */
static const struct way {
	const char *name;
	enum reload_step_event events[8];
	unsigned n;
	const char *answers; /* of each event, a blank between */
} ways[] = {
	{ "all is well",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_RELAY_READY,
	        RELOAD_STEP_FAILOVER_LOADED, RELOAD_STEP_TAKEN,
	        RELOAD_STEP_OLD_FAILOVER_ENDED, RELOAD_STEP_FAILOVER_READY },
	    6, "sP P gT akS oB +I" },
	{ "without a pair failover waits for nobody",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_RELAY_READY, RELOAD_STEP_TAKEN,
	        RELOAD_STEP_OLD_FAILOVER_ENDED },
	    5, "sP P gT akS o+I" },
	{ "without a pair failover is ready while sessions move",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_RELAY_READY,
	        RELOAD_STEP_FAILOVER_LOADED, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_TAKEN, RELOAD_STEP_OLD_FAILOVER_ENDED },
	    6, "sP P gT T akS o+I" },
	{ "the new failover ends too early, another one goes on",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_RELAY_READY, RELOAD_STEP_TAKEN,
	        RELOAD_STEP_FAILOVER_ENDED, RELOAD_STEP_OLD_FAILOVER_ENDED,
	        RELOAD_STEP_FAILOVER_READY },
	    7, "sP P gT akS S oB +I" },
	{ "the new failover ends while sessions move, another one goes on",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_RELAY_READY, RELOAD_STEP_FAILOVER_ENDED,
	        RELOAD_STEP_TAKEN, RELOAD_STEP_OLD_FAILOVER_ENDED,
	        RELOAD_STEP_FAILOVER_READY },
	    7, "sP P gT T akS oB +I" },
	{ "a stop while sessions move waits for the end",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_RELAY_READY, RELOAD_STEP_STOP, RELOAD_STEP_TAKEN,
	        RELOAD_STEP_OLD_FAILOVER_ENDED },
	    6, "sP P gT T akS o+I" },
	{ "the old failover hangs, which is told once",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_READY,
	        RELOAD_STEP_RELAY_READY, RELOAD_STEP_TAKEN, RELOAD_STEP_OVERDUE,
	        RELOAD_STEP_STOP, RELOAD_STEP_OLD_FAILOVER_ENDED },
	    7, "sP P gT akS ~S S oI" },
	{ "a fence runs when the old relay is to give",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_RELAY_READY,
	        RELOAD_STEP_FAILOVER_LOADED, RELOAD_STEP_MOVES_ACTIVE },
	    4, "sP P gT d-I" },
	{ "given up, and then another one",
	    { RELOAD_STEP_BEGIN, RELOAD_STEP_FAILOVER_LOADED,
	        RELOAD_STEP_RELAY_ENDED, RELOAD_STEP_BEGIN,
	        RELOAD_STEP_RELAY_READY },
	    5, "sP P d-I sP P" },
};

static void
a_reload_goes_its_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct reload_step r = { .state = RELOAD_STEP_IDLE };
		char all[64] = "";

		test_row(ways[i].name);
		for (unsigned k = 0; k < ways[i].n; k++) {
			struct reload_step_out out;
			char text[RELOAD_STEP_ACTIONS_MAX + 2];

			r = reload_step_do(&r, ways[i].events[k], &out);
			if (k > 0)
				strcat(all, " ");
			strcat(all, answer(&r, &out, text));
		}
		assert_text(all, ways[i].answers);
	}
}

static void
who_takes_over_alone_has_less_time(void **state)
{
	const struct reload_step taking = { .state = RELOAD_STEP_TAKING };
	const struct reload_step preparing = { .state = RELOAD_STEP_PREPARING,
		.failover_loaded = true };
	struct reload_step_out usual, alone;
	struct reload_step after;

	(void)state;
	after = reload_step_do(&preparing, RELOAD_STEP_RELAY_READY, &usual);
	assert_int_equal(after.state, RELOAD_STEP_TAKING);
	after = reload_step_do(&taking, RELOAD_STEP_OLD_RELAY_ENDED, &alone);
	assert_int_equal(after.state, RELOAD_STEP_TAKING);
	assert_true(
	    0 < alone.patience_ms && alone.patience_ms < usual.patience_ms);
}

static void
each_fault_has_words(void **state)
{
	(void)state;
	for (int f = RELOAD_STEP_WELL; f <= RELOAD_STEP_FAULT_ACTIVE; f++)
		for (int g = RELOAD_STEP_WELL; g < f; g++)
			assert_string_not_equal(
			    reload_step_fault_text((enum reload_step_fault)f),
			    reload_step_fault_text((enum reload_step_fault)g));
}

/* A relay that has many must not end because there are more. */
static void
what_is_on_its_way_has_time_again(void **state)
{
	const struct reload_step r = { .state = RELOAD_STEP_TAKING };
	struct reload_step_out out;

	(void)state;
	assert_int_equal(reload_step_do(&r, RELOAD_STEP_TAKING_ON, &out).state,
	    RELOAD_STEP_TAKING);
	assert_true(out.patience_ms > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_has_its_answer_in_every_state),
		cmocka_unit_test(what_is_on_its_way_has_time_again),
		cmocka_unit_test(a_reload_goes_its_way),
		cmocka_unit_test(who_takes_over_alone_has_less_time),
		cmocka_unit_test(each_fault_has_words),
	};

	TEST_MAIN(tests);
}

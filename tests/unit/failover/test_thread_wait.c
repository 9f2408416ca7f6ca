#include "failover/thread_wait.h"

#include "tests/lib/test.h"

#define LOOK_MS 50
#define FROM_MS 500

/*
 * A thread that stands, in `state` at each look in turn (the last one goes
 * on), and has a processor for `share` percent of the time. Returns when it is
 * given up, in ms; -1: not before `until_ms`.
 */
static int64_t
given_up(const char *state, unsigned share, int64_t until_ms)
{
	struct thread_wait w = { 0 };

	for (int64_t ms = FROM_MS; ms < until_ms; ms += LOOK_MS) {
		const struct thread_stat s = { .state = *state,
			.cpu_ms = 7000 + (uint64_t)ms * share / 100 };

		if (thread_wait_look(&w, &s, ms))
			return ms;
		if (state[1] != '\0')
			state++;
	}
	return -1;
}

static void
who_is_waited_for(void **state)
{
	static const struct {
		const char *name, *does;
		unsigned share;
		int64_t ms;
	} rows[] = {
		{ "asleep: a lock that nobody gives back", "S", 0, 550 },
		{ "a disk that does not answer", "D", 0, 550 },
		{ "stopped", "T", 0, 500 },
		{ "in a debugger", "t", 0, 500 },
		{ "ended", "Z", 0, 500 },
		{ "turns in a circle, alone on its processor", "R", 100, 900 },
		{ "... with a fifth of it", "R", 20, 2500 },
		{ "starves", "R", 0, THREAD_WAIT_MOST_MS },
		{ "starves, and slept at one look", "RRSRRRSR", 0,
		    THREAD_WAIT_MOST_MS },
		{ "starved, then fell asleep for good", "RRRS", 0, 700 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int64_t ms = given_up(rows[i].does, rows[i].share, 10000);

		if (ms != rows[i].ms)
			fail_msg("%s: %d ms", rows[i].name, (int)ms);
	}
}

static void
nobody_is_waited_for_of_whom_nothing_is_known(void **state)
{
	struct thread_wait w = { 0 };

	(void)state;
	assert_true(thread_wait_look(&w, NULL, FROM_MS));
}

/* Else the groups would be at fault and well again, and again. */
static void
who_was_given_up_stays_so_until_it_moves(void **state)
{
	const struct thread_stat runs = { .state = 'R' };
	const struct thread_stat stopped = { .state = 'T' };
	struct thread_wait w = { 0 };

	(void)state;
	assert_false(thread_wait_look(&w, &runs, 1000));
	assert_true(thread_wait_look(&w, &stopped, 1050));
	assert_true(thread_wait_look(&w, &runs, 1100));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_waited_for),
		cmocka_unit_test(nobody_is_waited_for_of_whom_nothing_is_known),
		cmocka_unit_test(who_was_given_up_stays_so_until_it_moves),
	};

	TEST_MAIN(tests);
}

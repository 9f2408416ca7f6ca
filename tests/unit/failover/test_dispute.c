#include "failover/election/dispute.h"
#include "tests/lib/pair.h"

/*
 * Two nodes that do not understand each other have claimed at the same moment:
 * what the one hears of the other's announcements, and which of them lets go.
 */

static struct election
claimant(bool wins_ties)
{
	struct election_config config = pair_config;
	struct election e;

	config.wins_ties = wins_ties;
	e = election_init(&config, at(0));
	(void)doubt(&e, 1000);
	assert_int_equal(e.state, ELECTION_MASTER);
	return e;
}

static const struct election_event shown = { .type = ELECTION_CONTRADICTED,
	.at_peer = true };

#define CLAIMED_MS 1008

/* When it lets go, after its claim; -1: it does not. */
static int64_t
let_go_ms(struct election *e, const int64_t *shown_ms, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct election_out out =
		    step(e, shown, CLAIMED_MS + shown_ms[i]);

		if (e->state == ELECTION_MASTER)
			continue;
		assert_int_equal(e->state, ELECTION_INIT);
		assert_int_equal(out.reason, ELECTION_DISPUTED);
		assert_int_equal(out.actions[0], ELECTION_DEL_ADDRESSES);
		return shown_ms[i];
	}
	return -1;
}

/* The rounds of garp_schedule.c, and a millisecond on the way. */
static const int64_t rounds_ms[] = { 1, 21, 101, 501, 1101, 2001 };

static void
of_two_that_claimed_at_once_one_lets_go(void **state)
{
	struct election lower = claimant(false), higher = claimant(true);

	(void)state;
	assert_int_equal(let_go_ms(&lower, rounds_ms, 6), 101);
	/* It hears no more of the other one than until then. */
	assert_int_equal(let_go_ms(&higher, rounds_ms, 3), -1);
}

/* Not both at the same time, should both have let go. */
static void
who_let_go_asks_later_than_the_other_would(void **state)
{
	struct election lower = claimant(false), higher = claimant(true);

	(void)state;
	(void)let_go_ms(&lower, rounds_ms, 6);
	(void)let_go_ms(&higher, rounds_ms, 6);
	assert_int_equal(lower.deadline.ns, at(CLAIMED_MS + 101 + 180).ns);
	assert_int_equal(higher.deadline.ns, at(CLAIMED_MS + 1101 + 60).ns);
}

/* It reigned before, and its answers were lost; or it hears nothing. */
static void
the_higher_one_lets_go_of_what_the_other_keeps(void **state)
{
	struct election e = claimant(true);

	(void)state;
	assert_int_equal(let_go_ms(&e, rounds_ms, 6), 1101);
}

static void
a_single_late_frame_ends_nothing(void **state)
{
	struct election e = claimant(false);

	(void)state;
	assert_int_equal(let_go_ms(&e, rounds_ms, 2), -1);
}

static void
a_reign_that_is_older_gives_way_to_nobody(void **state)
{
	static const int64_t late_ms[] = { 1660, 1680, 1760, 2160, 10000 };
	struct election lower = claimant(false), higher = claimant(true);

	(void)state;
	assert_int_equal(let_go_ms(&lower, late_ms, 5), -1);
	assert_int_equal(let_go_ms(&higher, late_ms, 5), -1);
}

static void
what_is_settled_by_words_is_not_by_frames(void **state)
{
	struct election by_word = master(); /* its master has ended */
	struct election heard_of = claimant(false);

	(void)state;
	by_word.config.wins_ties = false;
	assert_int_equal(let_go_ms(&by_word, rounds_ms, 6), -1);
	(void)step(&heard_of, heard(ELECTION_BACKUP, 50, 0), CLAIMED_MS + 5);
	assert_int_equal(let_go_ms(&heard_of, rounds_ms + 1, 5), -1);
}

static void
a_third_host_is_a_persons_mistake(void **state)
{
	struct election e = claimant(false);
	struct election_event third = shown;

	(void)state;
	third.at_peer = false;
	for (unsigned i = 0; i < ARRAY_LEN(rounds_ms); i++)
		(void)step(&e, third, CLAIMED_MS + rounds_ms[i]);
	assert_int_equal(e.state, ELECTION_MASTER);
}

/* A switch that answers for everybody answers for a claim's loser, too. */
static void
where_something_answered_the_higher_one_stays(void **state)
{
	struct dispute d;

	(void)state;
	d = dispute_begin(true, 60, at(0));
	for (unsigned ms = 0; ms < 10000; ms++)
		assert_false(dispute_lose(&d, 60, true, at(ms)));
	d = dispute_begin(true, 60, at(0));
	assert_false(dispute_lose(&d, 60, false, at(20)));
	assert_true(dispute_lose(&d, 60, false, at(100)));
}

static void
heartbeats_may_be_slow(void **state)
{
	struct dispute d = dispute_begin(false, 300, at(0));

	(void)state;
	assert_false(dispute_lose(&d, 300, false, at(0)));
	assert_false(dispute_lose(&d, 300, false, at(299)));
	assert_true(dispute_lose(&d, 300, false, at(300)));
	d = dispute_begin(false, 60000, at(0));
	assert_false(dispute_lose(&d, 60000, false, at(0)));
	assert_true(dispute_lose(&d, 60000, false, at(1000)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_that_claimed_at_once_one_lets_go),
		cmocka_unit_test(who_let_go_asks_later_than_the_other_would),
		cmocka_unit_test(
		    the_higher_one_lets_go_of_what_the_other_keeps),
		cmocka_unit_test(a_single_late_frame_ends_nothing),
		cmocka_unit_test(a_reign_that_is_older_gives_way_to_nobody),
		cmocka_unit_test(what_is_settled_by_words_is_not_by_frames),
		cmocka_unit_test(a_third_host_is_a_persons_mistake),
		cmocka_unit_test(where_something_answered_the_higher_one_stays),
		cmocka_unit_test(heartbeats_may_be_slow),
	};

	TEST_MAIN(tests);
}

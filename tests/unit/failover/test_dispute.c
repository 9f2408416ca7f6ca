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

/* Asks, time and again, and nobody answers; another host lives. */
static int64_t
claims_again_ms(struct election *e, int64_t from_ms, int64_t to_ms)
{
	for (int64_t ms = from_ms; ms < to_ms; ms++) {
		const struct election_event somebody = {
			.type = ELECTION_ANSWER, .answer = SUSPECT_SOMEBODY
		};

		(void)step(e, somebody, ms);
		(void)step(e, plain(ELECTION_TICK), ms);
		if (e->state == ELECTION_MASTER)
			return ms;
	}
	return -1;
}

static struct election
loser(void)
{
	struct election e = claimant(false);

	e.config.doubt.askable = true;
	(void)let_go_ms(&e, rounds_ms, 6);
	assert_int_equal(e.state, ELECTION_INIT);
	return e;
}

/* What goes to all gets through, what goes to one does not. */
static void
who_let_go_stays_away_while_it_sees_the_other(void **state)
{
	static const int64_t seen_ms[] = { 1101, 2001, 5001, 65001 };
	struct election e = loser();
	int64_t ms = CLAIMED_MS + 102;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(seen_ms); i++) {
		assert_int_equal(
		    claims_again_ms(&e, ms, CLAIMED_MS + seen_ms[i]), -1);
		ms = CLAIMED_MS + seen_ms[i];
		(void)step(&e, shown, ms);
	}
	assert_in_range(claims_again_ms(&e, ms, 10 * ms), ms + 60001,
	    ms + DISPUTE_AWAY_MS + 600);
}

static void
who_let_go_follows_who_is_heard_and_takes_over_from_it(void **state)
{
	struct election e = loser();

	(void)state;
	(void)step(&e, heard(ELECTION_MASTER, 150, 7), CLAIMED_MS + 110);
	assert_int_equal(e.state, ELECTION_BACKUP);
	assert_in_range(
	    claims_again_ms(&e, CLAIMED_MS + 111, 9999), 0, CLAIMED_MS + 190);
}

/* Where the peer's kernel answered its silence is a proof, as ever. */
static void
who_was_seen_to_answer_is_believed_to_be_gone(void **state)
{
	const struct election_event answer = { .type = ELECTION_ANSWER,
		.answer = SUSPECT_ADDRESS_AT_PEER };
	int64_t ms = CLAIMED_MS + 102;
	struct election e = loser();

	(void)state;
	for (; ms < CLAIMED_MS + 1500; ms++) {
		(void)step(&e, plain(ELECTION_TICK), ms);
		(void)step(&e, answer, ms);
	}
	assert_int_equal(e.state, ELECTION_INIT);
	assert_in_range(claims_again_ms(&e, ms, 9999), ms, ms + 60);
}

/* By its host, which answers for itself, and for nothing else. */
static void
who_was_seen_to_let_go_holds_nothing(void **state)
{
	const struct election_event itself = { .type = ELECTION_ANSWER,
		.answer = SUSPECT_PEER };
	struct election e = loser();
	int64_t ms = CLAIMED_MS + 102;

	(void)state;
	for (; ms < CLAIMED_MS + 400 && e.state == ELECTION_INIT; ms++) {
		(void)step(&e, plain(ELECTION_TICK), ms);
		(void)step(&e, itself, ms);
	}
	assert_int_equal(e.state, ELECTION_MASTER);
}

/* Cut off as well, or at fault, meanwhile. */
static void
no_other_trouble_ends_it(void **state)
{
	struct election e = loser();

	(void)state;
	(void)step(&e, plain(ELECTION_TRACK_FAULT), CLAIMED_MS + 200);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, shown, CLAIMED_MS + 1101);
	(void)step(&e, plain(ELECTION_TRACK_OK), CLAIMED_MS + 1200);
	assert_int_equal(
	    claims_again_ms(&e, CLAIMED_MS + 1201, CLAIMED_MS + 60000), -1);
}

/* A master that is younger than a second begins no rounds anew. */
static void
the_next_announcement_is_waited_for(void **state)
{
	/* Of one that has claimed 600 and 1000 ms before. */
	static const int64_t first_ms[] = { 501, 1401, 4401 };
	static const int64_t second_ms[] = { 101, 1001, 4001 };
	struct election e = claimant(true);

	(void)state;
	assert_int_equal(let_go_ms(&e, first_ms, 3), 1401);
	e = claimant(true);
	e.config.dead_ms = 200;
	assert_int_equal(let_go_ms(&e, second_ms, 3), 4001);
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
		cmocka_unit_test(who_let_go_stays_away_while_it_sees_the_other),
		cmocka_unit_test(
		    who_let_go_follows_who_is_heard_and_takes_over_from_it),
		cmocka_unit_test(who_was_seen_to_answer_is_believed_to_be_gone),
		cmocka_unit_test(who_was_seen_to_let_go_holds_nothing),
		cmocka_unit_test(no_other_trouble_ends_it),
		cmocka_unit_test(the_next_announcement_is_waited_for),
	};

	TEST_MAIN(tests);
}

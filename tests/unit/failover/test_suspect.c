#include "failover/election/suspect.h"

#include "tests/lib/pair.h"

static struct election_event
answered(enum suspect_answer answer)
{
	return (
	    struct election_event){ .type = ELECTION_ANSWER, .answer = answer };
}

static void
a_silent_peer_is_replaced_when_nobody_answers(void **state)
{
	struct election e = backup();
	struct election_out out = doubt(&e, 60);

	(void)state;
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(out.reason, ELECTION_PEER_SILENT);
	assert_int_equal(out.silent_ms, 68);
}

static void
a_heartbeat_ends_a_doubt(void **state)
{
	struct election e = backup();

	(void)state;
	(void)step(&e, plain(ELECTION_TICK), 60);
	(void)step(&e, heard(ELECTION_MASTER, 150, 7), 64);
	(void)step(&e, plain(ELECTION_TICK), 123);
	assert_false(e.doubt.open);
	(void)step(&e, plain(ELECTION_TICK), 124);
	assert_true(e.doubt.open);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

/* Answers each probe, and the second question if it lives; until `end_ms`. */
static struct election_out
hold_out(struct election *e, enum suspect_answer where, bool lives,
    int64_t end_ms, int64_t *ret_ms)
{
	struct election_out out = { 0 };
	int64_t ms = 60;

	while (e->state == ELECTION_BACKUP && ms < end_ms) {
		out = step(e, plain(ELECTION_TICK), ms);
		if (lives && out.n_actions > 0 &&
		    out.actions[0] == ELECTION_QUESTION)
			(void)step(e, answered(SUSPECT_LIVES), ms);
		(void)step(e, answered(where), ms);
		*ret_ms = ms;
		ms = out.wake.ns / 1000000;
	}
	return out;
}

static void
a_host_that_answers_beyond_the_lease_and_lives_is_not_claimed_from(void **state)
{
	struct election e = backup();
	enum election_reason told = ELECTION_UNCHANGED;
	int64_t ms;

	(void)state;
	(void)hold_out(&e, SUSPECT_ADDRESS_AT_PEER, true, 60000, &ms);
	assert_int_equal(e.state, ELECTION_BACKUP);
	/* What is told: it hangs, and then that it renews. */
	e = backup();
	for (int64_t end = 100; end < 4000; end += 20) {
		struct election again = backup();
		const struct election_out out =
		    hold_out(&again, SUSPECT_ADDRESS_AT_PEER, true, end, &ms);

		if (out.reason != ELECTION_UNCHANGED)
			told = out.reason;
	}
	assert_int_equal(told, ELECTION_PEER_RENEWS);
}

static void
what_answers_for_the_dead_is_claimed_from_after_the_lease(void **state)
{
	static const enum suspect_answer where[] = { SUSPECT_ADDRESS_AT_PEER,
		SUSPECT_ADDRESS_ELSEWHERE };
	static const int64_t least_ms[] = { 1300, 1300 },
	                     most_ms[] = { 1500, 4000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		struct election e = backup();
		int64_t ms;

		assert_int_equal(
		    hold_out(&e, where[i], false, 60000, &ms).reason,
		    ELECTION_PEER_ECHO);
		assert_int_equal(e.state, ELECTION_MASTER);
		assert_in_range(ms, least_ms[i], most_ms[i]);
	}
}

static void
a_peer_that_has_let_go_is_replaced_at_once(void **state)
{
	struct election e = backup();

	(void)state;
	(void)step(&e, plain(ELECTION_TICK), 60);
	(void)step(&e, answered(SUSPECT_ADDRESS_AT_PEER), 61);
	(void)step(&e, plain(ELECTION_TICK), 64);
	(void)step(&e, plain(ELECTION_TICK), 68);
	assert_int_equal(e.state, ELECTION_BACKUP);
	/* The next series: its host answers, but no more for the address. */
	(void)step(&e, plain(ELECTION_TICK), 90);
	(void)step(&e, answered(SUSPECT_PEER), 91);
	(void)step(&e, plain(ELECTION_TICK), 94);
	assert_int_equal(
	    step(&e, plain(ELECTION_TICK), 100).reason, ELECTION_PEER_RELEASED);
}

static void
an_address_of_a_third_host_that_lives_is_not_claimed(void **state)
{
	struct election e = backup();
	int64_t ms;

	(void)state;
	(void)hold_out(&e, SUSPECT_ADDRESS_ELSEWHERE, true, 60000, &ms);
	assert_int_equal(e.state, ELECTION_BACKUP);
	/* Then nobody answers any more. */
	for (ms = 61000; e.state == ELECTION_BACKUP && ms < 62000; ms += 4)
		(void)step(&e, plain(ELECTION_TICK), ms);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_true(ms < 61600);
}

static void
where_somebody_can_be_asked_who_hears_none_claims_nothing(void **state)
{
	struct election e = backup();
	struct election_out out;
	int64_t ms = 60;

	(void)state;
	e.config.doubt.askable = true;
	do {
		out = step(&e, plain(ELECTION_TICK), ms);
		ms += 5;
	} while (e.state == ELECTION_BACKUP && ms < 5000);
	assert_int_equal(out.reason, ELECTION_ISOLATED);
	assert_int_equal(e.state, ELECTION_FAULT);
	assert_in_range(ms, 60 + 200, 60 + 200 + 30);
	/* It asks on, and listens anew once somebody is there. */
	out = step(&e, plain(ELECTION_TICK), 760);
	assert_int_equal(out.actions[0], ELECTION_PROBE);
	(void)step(&e, answered(SUSPECT_SOMEBODY), 762);
	assert_int_equal(e.state, ELECTION_INIT);
}

/* Found by the simulation: it hears, and what it asks does not get out. */
static void
who_was_isolated_and_hears_who_has_them_claims_nothing(void **state)
{
	struct election e = backup();
	int64_t ms = 60;

	(void)state;
	e.config.doubt.askable = true;
	for (; e.state == ELECTION_BACKUP; ms += 5)
		(void)step(&e, plain(ELECTION_TICK), ms);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, answered(SUSPECT_ADDRESS_AT_PEER), ms);
	assert_int_equal(e.state, ELECTION_INIT);
	for (int64_t end = ms + 1000; ms < end; ms++) {
		(void)step(&e, plain(ELECTION_TICK), ms);
		assert_int_not_equal(e.state, ELECTION_MASTER);
	}
}

static void
one_word_is_enough_to_claim(void **state)
{
	struct election e = backup();

	(void)state;
	e.config.doubt.askable = true;
	(void)step(&e, plain(ELECTION_TICK), 60);
	(void)step(&e, answered(SUSPECT_SOMEBODY), 61);
	(void)step(&e, plain(ELECTION_TICK), 64);
	assert_int_equal(
	    step(&e, plain(ELECTION_TICK), 68).reason, ELECTION_PEER_SILENT);
	assert_int_equal(e.state, ELECTION_MASTER);
}

static void
a_master_that_hears_nobody_gives_up_after_deaf_timeout(void **state)
{
	struct election e = backup();
	struct election_out out;
	int64_t ms;

	(void)state;
	e.config.doubt.askable = true;
	out = step(&e, plain(ELECTION_PEER_ENDED), 10);
	assert_int_equal(out.wake.ns, at(70).ns);
	(void)step(&e, plain(ELECTION_TICK), 70);
	out = step(&e, answered(SUSPECT_SOMEBODY), 71);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(out.wake.ns, at(271).ns);
	for (ms = 271; e.state == ELECTION_MASTER && ms < 9000; ms += 5) {
		out = step(&e, plain(ELECTION_TICK), ms);
		assert_int_equal(
		    e.deaf, e.state == ELECTION_MASTER && ms >= 471);
	}
	assert_int_equal(out.reason, ELECTION_ISOLATED);
	assert_int_equal(out.actions[0], ELECTION_DEL_ADDRESSES);
	assert_in_range(ms, 3271, 3290);
}

static void
a_master_that_hears_nobody_serves_on_where_nobody_can_be_asked(void **state)
{
	struct election e = backup();

	(void)state;
	(void)step(&e, plain(ELECTION_PEER_ENDED), 10);
	for (int64_t ms = 70; ms < 60000; ms += 5)
		(void)step(&e, plain(ELECTION_TICK), ms);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_true(e.deaf);
	assert_int_equal(election_served_ms(&e, at(60000)), 0);
	(void)step(&e, answered(SUSPECT_SOMEBODY), 60000);
	assert_int_equal(election_served_ms(&e, at(60100)), 100);
}

static void
a_claim_of_who_was_alone_is_deaf_until_somebody_is_heard(void **state)
{
	struct election e = backup(), other = backup();

	(void)state;
	(void)doubt(&e, 60);
	assert_true(e.deaf);
	(void)step(&other, plain(ELECTION_TICK), 60);
	(void)step(&other, answered(SUSPECT_SOMEBODY), 61);
	(void)step(&other, plain(ELECTION_TICK), 64);
	(void)step(&other, plain(ELECTION_TICK), 68);
	assert_int_equal(other.state, ELECTION_MASTER);
	assert_false(other.deaf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_peer_is_replaced_when_nobody_answers),
		cmocka_unit_test(a_heartbeat_ends_a_doubt),
		cmocka_unit_test(
		    a_host_that_answers_beyond_the_lease_and_lives_is_not_claimed_from),
		cmocka_unit_test(
		    what_answers_for_the_dead_is_claimed_from_after_the_lease),
		cmocka_unit_test(a_peer_that_has_let_go_is_replaced_at_once),
		cmocka_unit_test(
		    an_address_of_a_third_host_that_lives_is_not_claimed),
		cmocka_unit_test(
		    where_somebody_can_be_asked_who_hears_none_claims_nothing),
		cmocka_unit_test(
		    who_was_isolated_and_hears_who_has_them_claims_nothing),
		cmocka_unit_test(one_word_is_enough_to_claim),
		cmocka_unit_test(
		    a_master_that_hears_nobody_gives_up_after_deaf_timeout),
		cmocka_unit_test(
		    a_master_that_hears_nobody_serves_on_where_nobody_can_be_asked),
		cmocka_unit_test(
		    a_claim_of_who_was_alone_is_deaf_until_somebody_is_heard),
	};

	TEST_MAIN(tests);
}

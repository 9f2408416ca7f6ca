#include "failover/election/rank.h"

#include "tests/lib/pair.h"

/* Who of two that could serve does: contests, and what is given away. */

static const struct contest {
	const char *name;
	uint8_t priority;
	uint64_t term;
	enum election_reason reason;
	enum election_state to;
} contests[] = {
	{ "it claimed later", 1, 9, ELECTION_OUTRANKED_TERM, ELECTION_BACKUP },
	{ "it claimed earlier", 254, 7, ELECTION_CONTESTED, ELECTION_MASTER },
	{ "same time, it ranks higher", 101, 8, ELECTION_OUTRANKED_RANK,
	    ELECTION_BACKUP },
	{ "same time, we rank higher", 99, 8, ELECTION_CONTESTED,
	    ELECTION_MASTER },
	{ "a tie", 100, 8, ELECTION_CONTESTED, ELECTION_MASTER },
};

static void
of_two_masters_the_later_claim_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contests); i++) {
		const struct contest *c = &contests[i];
		struct election e = master();
		struct election_out out;

		test_row(c->name);
		out =
		    step(&e, heard(ELECTION_MASTER, c->priority, c->term), 70);
		assert_int_equal(e.state, c->to);
		assert_int_equal(out.reason, c->reason);
		if (c->to == ELECTION_BACKUP) {
			assert_int_equal(
			    out.actions[0], ELECTION_DEL_ADDRESSES);
			assert_int_equal(out.actions[1], ELECTION_SEND_HELLO);
		}
	}
}

static void
the_winner_of_a_contest_announces_again_when_it_ends(void **state)
{
	struct election e = master();
	struct election_out out;

	(void)state;
	(void)step(&e, heard(ELECTION_MASTER, 50, 5), 70);
	out = step(&e, heard(ELECTION_MASTER, 50, 5), 75);
	assert_int_equal(out.n_actions, 0);
	out = step(&e, heard(ELECTION_BACKUP, 50, 8), 80);
	assert_int_equal(out.reason, ELECTION_UNCONTESTED);
	assert_int_equal(out.actions[0], ELECTION_ANNOUNCE);
}

static void
a_winner_that_is_not_heard_yields_to_who_can_not_hear(void **state)
{
	struct election e = master();
	struct election_event ev = heard(ELECTION_MASTER, 50, 5);

	(void)state;
	ev.heartbeat.hears_us = false;
	for (int64_t ms = 70; ms < 590; ms += 20)
		(void)step(&e, ev, ms);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(step(&e, ev, 590).reason, ELECTION_PEER_DEAF);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

/* Of two masters, from when on and as what the peer is heard. */
static const struct two_masters {
	const char *name;
	bool deaf, hears_us;
	int64_t served_ms, ours_ms;
	int term, priority; /* less ours */
	enum election_reason reason;
} two_masters[] = {
	{ "a claim out of blindness yields, whatever its term", true, false, 0,
	    9000, 1, 50, ELECTION_CONTESTED },
	{ "the same, after its peer was heard", false, false, 0, 9000, 1, 50,
	    ELECTION_CONTESTED },
	{ "it has served longer, and claimed sooner", false, true, 9000, 3000,
	    -1, -50, ELECTION_OUTSERVED },
	{ "the same, and does not hear us yet: it may be of the past", false,
	    false, 9000, 3000, -1, -50, ELECTION_CONTESTED },
	{ "it has served longer, and claimed later", false, false, 9000, 3000,
	    1, -50, ELECTION_OUTSERVED },
	{ "we have served longer, at a lower term", false, true, 3000, 9000, 1,
	    50, ELECTION_CONTESTED },
	{ "both as long: the later claim", false, true, 3000, 3100, 1, -50,
	    ELECTION_OUTRANKED_TERM },
	{ "both as long: the earlier claim", false, true, 3100, 3000, -1, 50,
	    ELECTION_CONTESTED },
	{ "both as long, one term: the higher priority", false, true, 3000,
	    3100, 0, 50, ELECTION_OUTRANKED_RANK },
	{ "both as long, one term: the lower priority", false, true, 3100, 3000,
	    0, -50, ELECTION_CONTESTED },
	{ "both for days: the later claim", false, true, 600000, 86400000, 1,
	    -50, ELECTION_OUTRANKED_TERM },
};

static void
of_two_masters_who_serves_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(two_masters); i++) {
		const struct two_masters *c = &two_masters[i];
		struct election e = master();
		const int64_t now_ms = 90000000;
		struct election_event ev =
		    heard(ELECTION_MASTER, (uint8_t)(100 + c->priority),
		        (uint64_t)((int64_t)e.term + c->term));

		test_row(c->name);
		e.serving = at(now_ms - c->ours_ms);
		ev.heartbeat.deaf = c->deaf;
		ev.heartbeat.hears_us = c->hears_us;
		ev.heartbeat.served_ms = (uint32_t)c->served_ms;
		assert_int_equal(step(&e, ev, now_ms).reason, c->reason);
	}
}

/* Found by the simulation: its echo is good for its own, longer dead time. */
static void
served_times_count_for_two_of_the_longer_dead_times(void **state)
{
	const int64_t now_ms = 90000;
	struct election e = master();
	struct election_event ev =
	    heard(ELECTION_MASTER, 50, (uint64_t)e.term + 1);

	(void)state;
	e.serving = at(now_ms - 9000);
	ev.heartbeat.dead_ms = 3 * e.config.dead_ms;
	for (int64_t ms = 0; ms < 2 * ev.heartbeat.dead_ms; ms += 20)
		(void)step(&e, ev, now_ms + ms);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(step(&e, ev, now_ms + 2 * ev.heartbeat.dead_ms).reason,
	    ELECTION_OUTRANKED_TERM);
}

static void
a_master_gives_what_the_peer_takes(void **state)
{
	struct election e = master();
	struct election_out out;

	(void)state;
	out = step(&e, plain(ELECTION_HANDOVER_BEGIN), 100);
	assert_true(e.handing);
	assert_int_equal(out.actions[0], ELECTION_SEND_HELLO);
	(void)step(&e, heard(ELECTION_BACKUP, 150, 8), 101);
	assert_int_equal(e.state, ELECTION_MASTER);
	out = step(&e, heard(ELECTION_MASTER, 150, 9), 102);
	assert_int_equal(e.state, ELECTION_BACKUP);
	assert_int_equal(out.reason, ELECTION_GAVE_OVER);
	assert_false(e.handing);
	e = master();
	(void)step(&e, plain(ELECTION_HANDOVER_BEGIN), 100);
	(void)step(&e, plain(ELECTION_HANDOVER_ABORT), 600);
	assert_false(e.handing);
	assert_int_equal(e.state, ELECTION_MASTER);
}

/* Its claim and our last word have crossed: nobody contests anything. */
static void
what_the_giver_said_before_it_knew_is_no_contest(void **state)
{
	struct election e = backup();
	struct election_event ev = heard(ELECTION_MASTER, 150, 7);
	struct election_out out;

	(void)state;
	ev.heartbeat.hands_over = true;
	out = step(&e, ev, 10);
	assert_int_equal(out.reason, ELECTION_HANDED_OVER);
	out = step(&e, ev, 11);
	assert_int_equal(out.reason, ELECTION_UNCHANGED);
	assert_int_equal(out.n_actions, 0);
	ev.heartbeat.hands_over = false;
	assert_int_equal(step(&e, ev, 12).reason, ELECTION_CONTESTED);
}

static bool
gives(struct election *e, struct election_event ev, int64_t ms)
{
	const struct election_out out = step(e, ev, ms);

	for (unsigned i = 0; i < out.n_actions; i++)
		if (out.actions[i] == ELECTION_HAND_OVER)
			return true;
	return false;
}

static void
a_better_peer_is_given_the_group_with_preempt_only(void **state)
{
	struct election e = master();

	(void)state;
	assert_false(gives(&e, heard(ELECTION_BACKUP, 150, 8), 70));
	e = master();
	e.config.preempt = true;
	e.config.preempt_delay_ms = 100;
	assert_false(gives(&e, heard(ELECTION_BACKUP, 150, 8), 70));
	assert_false(gives(&e, heard(ELECTION_BACKUP, 150, 8), 169));
	assert_true(gives(&e, heard(ELECTION_BACKUP, 150, 8), 170));
	/* Not again at once, should it fail. */
	assert_false(gives(&e, heard(ELECTION_BACKUP, 150, 8), 190));
	assert_true(gives(&e, heard(ELECTION_BACKUP, 150, 8), 1270));
	/* An interruption begins the delay anew; equals are left alone. */
	assert_false(gives(&e, heard(ELECTION_INIT, 150, 8), 3000));
	assert_false(gives(&e, heard(ELECTION_BACKUP, 150, 8), 3010));
	assert_false(gives(&e, heard(ELECTION_BACKUP, 100, 8), 5000));
	assert_false(gives(&e, heard(ELECTION_FAULT, 150, 8), 5010));
}

static void
who_is_ill_gives_the_group_to_a_better_peer(void **state)
{
	struct election e = master();
	struct election_event ill = { .type = ELECTION_PRIORITY,
		.priority = 90 };

	(void)state;
	assert_false(gives(&e, heard(ELECTION_BACKUP, 95, 8), 70));
	(void)step(&e, ill, 71);
	assert_true(gives(&e, heard(ELECTION_BACKUP, 95, 8), 90));
	/* And does not take it back from a peer that is well. */
	(void)step(&e, heard(ELECTION_MASTER, 95, 9), 100);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

static void
a_contradicted_master_defends_every_ten_seconds(void **state)
{
	struct election e = master();
	const struct election_event third = { .type = ELECTION_CONTRADICTED };
	const struct election_event peer = { .type = ELECTION_CONTRADICTED,
		.at_peer = true };
	struct election_out out;

	(void)state;
	out = step(&e, third, 100);
	assert_int_equal(out.actions[0], ELECTION_ANNOUNCE);
	assert_int_equal(out.reason, ELECTION_CONFLICT);
	assert_int_equal(e.state, ELECTION_MASTER);
	out = step(&e, third, 10099);
	assert_int_equal(out.n_actions, 0);
	out = step(&e, third, 10100);
	assert_int_equal(out.n_actions, 1);
	out = step(&e, peer, 20100);
	assert_int_equal(out.reason, ELECTION_PEER_SHOWS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_two_masters_the_later_claim_stays),
		cmocka_unit_test(
		    the_winner_of_a_contest_announces_again_when_it_ends),
		cmocka_unit_test(
		    a_winner_that_is_not_heard_yields_to_who_can_not_hear),
		cmocka_unit_test(of_two_masters_who_serves_stays),
		cmocka_unit_test(
		    served_times_count_for_two_of_the_longer_dead_times),
		cmocka_unit_test(a_master_gives_what_the_peer_takes),
		cmocka_unit_test(
		    what_the_giver_said_before_it_knew_is_no_contest),
		cmocka_unit_test(
		    a_better_peer_is_given_the_group_with_preempt_only),
		cmocka_unit_test(who_is_ill_gives_the_group_to_a_better_peer),
		cmocka_unit_test(
		    a_contradicted_master_defends_every_ten_seconds),
	};

	TEST_MAIN(tests);
}

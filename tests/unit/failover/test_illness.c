#include "failover/election/illness.h"

#include "tests/lib/pair.h"

/* Of two nodes that are ill the less ill one has the group. */

static struct election_event
ill(uint8_t faults, uint8_t lacks)
{
	return (struct election_event){ .type = ELECTION_ILL,
		.ill = { faults, lacks, ELECTION_TRACK_SCRIPT } };
}

/* The peer, of priority 150, which could serve. */
static struct election_event
peer(enum election_state state, uint8_t faults, uint8_t lacks)
{
	struct election_event ev = heard(state, 150, 7);

	ev.heartbeat.faults = faults;
	ev.heartbeat.lacks = lacks;
	return ev;
}

static void
a_fault_weighs_more_than_addresses_but_for_all_of_them(void **state)
{
	struct election_heartbeat h = { .state = ELECTION_BACKUP, .faults = 1 };
	struct election e = { .lacks = 31 };

	(void)state;
	assert_true(illness_own(&e) < illness_of(&h));
	e.lacks = 32; /* all there are: it would serve nothing */
	assert_true(illness_own(&e) > illness_of(&h));
	e.lacks = 31;
	h.faults = 0;
	assert_true(illness_own(&e) > illness_of(&h));
	h.state = ELECTION_FAULT;
	assert_int_equal(illness_of(&h), ILLNESS_UNABLE);
	h.faults = 1; /* it stands back, and could serve */
	assert_true(illness_of(&h) < ILLNESS_UNABLE);
	h.resigning = true;
	assert_int_equal(illness_of(&h), ILLNESS_UNABLE);
}

static void
a_master_at_fault_lets_go_for_a_peer_that_is_less_ill(void **state)
{
	static const struct {
		const char *name;
		uint8_t faults, lacks; /* the peer's */
		enum election_state peer, to;
		enum election_reason reason;
	} peers[] = {
		{ "well", 0, 0, ELECTION_BACKUP, ELECTION_FAULT,
		    ELECTION_TRACK_SCRIPT },
		{ "lacks an address", 0, 1, ELECTION_BACKUP, ELECTION_FAULT,
		    ELECTION_TRACK_SCRIPT },
		{ "lacks all", 0, 32, ELECTION_BACKUP, ELECTION_MASTER,
		    ELECTION_LAST_RESORT },
		{ "as ill", 1, 0, ELECTION_BACKUP, ELECTION_MASTER,
		    ELECTION_LAST_RESORT },
		{ "more ill", 2, 0, ELECTION_BACKUP, ELECTION_MASTER,
		    ELECTION_LAST_RESORT },
		{ "not able to serve", 0, 0, ELECTION_FAULT, ELECTION_MASTER,
		    ELECTION_LAST_RESORT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
		struct election e = master();

		test_row(peers[i].name);
		(void)step(&e,
		    peer(peers[i].peer, peers[i].faults, peers[i].lacks), 70);
		assert_int_equal(
		    step(&e, ill(1, 0), 80).reason, peers[i].reason);
		assert_int_equal(e.state, peers[i].to);
	}
}

static void
a_peer_that_is_not_heard_is_not_waited_for(void **state)
{
	struct election e = master();

	(void)state;
	(void)step(&e, peer(ELECTION_BACKUP, 0, 0), 70);
	assert_int_equal(step(&e, ill(1, 0), 130).reason, ELECTION_LAST_RESORT);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(step(&e, ill(0, 0), 140).reason, ELECTION_RECOVERED);
}

/* It stands back for a peer that is well, which was heard at 70 ms. */
static struct election
standing_back(void)
{
	struct election e = master();

	(void)step(&e, peer(ELECTION_BACKUP, 0, 0), 70);
	(void)step(&e, ill(1, 0), 80);
	assert_true(e.stands_back);
	return e;
}

static void
who_stands_back_serves_where_the_peer_is_no_better(void **state)
{
	struct election e = standing_back();
	struct election_out out;

	(void)state;
	(void)step(&e, peer(ELECTION_MASTER, 0, 0), 120);
	assert_int_equal(e.state, ELECTION_FAULT);
	out = step(&e, peer(ELECTION_FAULT, 0, 0), 140); /* it can't */
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(out.reason, ELECTION_PEER_FAULT);

	e = standing_back();
	(void)step(&e, peer(ELECTION_BACKUP, 2, 0), 120);
	assert_int_equal(e.state, ELECTION_MASTER);

	e = standing_back();
	(void)step(&e, peer(ELECTION_BACKUP, 1, 0), 120); /* and preferred */
	assert_int_equal(e.state, ELECTION_BACKUP);

	e = standing_back();
	(void)step(&e, peer(ELECTION_MASTER, 2, 0), 120); /* it gives it */
	assert_int_equal(e.state, ELECTION_BACKUP);
}

static void
who_stands_back_doubts_a_peer_that_falls_silent(void **state)
{
	struct election e = standing_back();

	(void)state;
	(void)step(&e, peer(ELECTION_MASTER, 0, 0), 120);
	(void)step(&e, plain(ELECTION_TICK), 179);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, plain(ELECTION_TICK), 180);
	assert_int_equal(e.state, ELECTION_BACKUP);
	(void)doubt(&e, 180);
	assert_int_equal(e.state, ELECTION_MASTER);
}

/* By what it said, not by our file: it would be claimed from while it lives. */
static void
who_is_as_well_again_gives_a_slower_peer_its_time(void **state)
{
	struct election e = master();
	struct election_event slow = peer(ELECTION_MASTER, 1, 0);

	(void)state;
	(void)step(&e, peer(ELECTION_BACKUP, 1, 0), 70);
	(void)step(&e, ill(2, 0), 80);
	assert_true(e.stands_back);
	slow.heartbeat.dead_ms = 300;
	(void)step(&e, slow, 120);
	assert_int_equal(step(&e, ill(1, 0), 130).wake.ns, at(430).ns);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

static void
what_forbids_to_serve_goes_first(void **state)
{
	struct election e = standing_back();
	struct election_out out;

	(void)state;
	out = step(&e, plain(ELECTION_TRACK_FAULT), 90);
	assert_int_equal(out.reason, ELECTION_INTERFACE_DOWN);
	(void)step(&e, peer(ELECTION_FAULT, 0, 0), 110);
	assert_int_equal(e.state, ELECTION_FAULT);
	out = step(&e, plain(ELECTION_TRACK_OK), 120);
	assert_int_equal(out.reason, ELECTION_TRACK_SCRIPT);
	assert_true(e.stands_back);
	/* Time enough to hear the peer, if there is one. */
	assert_int_equal(out.wake.ns, at(1120).ns);
}

static void
a_master_gives_to_a_peer_that_is_less_ill(void **state)
{
	struct election e = master();
	struct election_out out;

	(void)state;
	(void)step(&e, ill(0, 1), 70);
	out = step(&e, peer(ELECTION_BACKUP, 0, 2), 80);
	assert_int_equal(out.n_actions, 1); /* announces, for it was silent */
	out = step(&e, peer(ELECTION_BACKUP, 0, 1), 90);
	assert_int_equal(out.n_actions, 0);
	out = step(&e, peer(ELECTION_BACKUP, 0, 0), 100);
	assert_int_equal(out.n_actions, 1);
	assert_int_equal(out.actions[0], ELECTION_HAND_OVER);
}

/* It moves nothing, and what waited comes with its end. */
static void
in_a_pause_a_master_does_not_stand_back(void **state)
{
	struct election e = master();
	struct election_event pause = { .type = ELECTION_PAUSE,
		.paused = true };

	(void)state;
	(void)step(&e, pause, 65);
	(void)step(&e, peer(ELECTION_BACKUP, 0, 0), 70);
	assert_int_equal(step(&e, ill(1, 0), 80).reason, ELECTION_LAST_RESORT);
	assert_int_equal(e.state, ELECTION_MASTER);
	pause.paused = false;
	assert_int_equal(step(&e, pause, 90).reason, ELECTION_TRACK_SCRIPT);
	assert_true(e.stands_back);
}

static void
of_two_masters_the_less_ill_one_stays(void **state)
{
	struct election e = master();

	(void)state;
	(void)step(&e, ill(0, 1), 70);
	assert_int_equal(step(&e, peer(ELECTION_MASTER, 0, 0), 80).reason,
	    ELECTION_OUTRANKED_WELL);
	e = master();
	assert_int_equal(step(&e, peer(ELECTION_MASTER, 1, 0), 80).reason,
	    ELECTION_CONTESTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_fault_weighs_more_than_addresses_but_for_all_of_them),
		cmocka_unit_test(
		    a_master_at_fault_lets_go_for_a_peer_that_is_less_ill),
		cmocka_unit_test(a_peer_that_is_not_heard_is_not_waited_for),
		cmocka_unit_test(
		    who_stands_back_serves_where_the_peer_is_no_better),
		cmocka_unit_test(
		    who_stands_back_doubts_a_peer_that_falls_silent),
		cmocka_unit_test(
		    who_is_as_well_again_gives_a_slower_peer_its_time),
		cmocka_unit_test(what_forbids_to_serve_goes_first),
		cmocka_unit_test(a_master_gives_to_a_peer_that_is_less_ill),
		cmocka_unit_test(in_a_pause_a_master_does_not_stand_back),
		cmocka_unit_test(of_two_masters_the_less_ill_one_stays),
	};

	TEST_MAIN(tests);
}

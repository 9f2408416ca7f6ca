#include "failover/election/election.h"
#include "tests/lib/pair.h"

#include <stdio.h>
#include <string.h>

/*
 * The whole matrix is in doc/election.md; here is what must not change with it.
 */

static const struct row {
	const char *name;
	int64_t at_ms;
	struct election_event ev;
	enum election_state to;
	enum election_reason reason;
} backup_rows[] = {
	{ "early tick", 59, { .type = ELECTION_TICK }, ELECTION_BACKUP,
	    ELECTION_UNCHANGED },
	{ "silent: it is doubted first", 60, { .type = ELECTION_TICK },
	    ELECTION_BACKUP, ELECTION_UNCHANGED },
	{ "its processes are gone", 10, { .type = ELECTION_PEER_ENDED },
	    ELECTION_MASTER, ELECTION_PEER_DIED },
	{ "it hands over", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_MASTER,
	            .hands_over = true,
	            .priority = 150,
	            .dead_ms = 60 } },
	    ELECTION_MASTER, ELECTION_HANDED_OVER },
	{ "contradicted", 10, { .type = ELECTION_CONTRADICTED },
	    ELECTION_BACKUP, ELECTION_UNCHANGED },
	{ "an answer that nobody asked for", 10,
	    { .type = ELECTION_ANSWER, .answer = SUSPECT_PEER },
	    ELECTION_BACKUP, ELECTION_UNCHANGED },
	{ "resigned", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_FAULT,
	            .resigning = true,
	            .priority = 150,
	            .dead_ms = 60 } },
	    ELECTION_MASTER, ELECTION_PEER_RESIGNED },
	{ "in fault", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_FAULT,
	            .priority = 150,
	            .dead_ms = 60 } },
	    ELECTION_MASTER, ELECTION_PEER_FAULT },
	{ "lower backup", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_BACKUP,
	            .priority = 99,
	            .dead_ms = 60 } },
	    ELECTION_MASTER, ELECTION_PREFERRED },
	{ "same priority, our address is higher", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_BACKUP,
	            .priority = 100,
	            .dead_ms = 60 } },
	    ELECTION_MASTER, ELECTION_PREFERRED },
	{ "higher backup", 10,
	    { .type = ELECTION_HEARTBEAT,
	        .heartbeat = { .state = ELECTION_BACKUP,
	            .priority = 101,
	            .dead_ms = 60 } },
	    ELECTION_BACKUP, ELECTION_UNCHANGED },
	{ "unproven", 10, { .type = ELECTION_UNPROVEN }, ELECTION_BACKUP,
	    ELECTION_UNCHANGED },
	{ "track fault", 10,
	    { .type = ELECTION_TRACK_FAULT, .fault = ELECTION_RELAY_GONE },
	    ELECTION_FAULT, ELECTION_RELAY_GONE },
	{ "stalled", 9000, { .type = ELECTION_STALLED }, ELECTION_BACKUP,
	    ELECTION_UNCHANGED },
	{ "stop", 10, { .type = ELECTION_STOP }, ELECTION_FAULT,
	    ELECTION_STOPPED },
};

static void
a_backup_claims_for_good_reasons_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(backup_rows); i++) {
		const struct row *row = &backup_rows[i];
		struct election e = backup();
		struct election_out out;

		test_row(row->name);
		out = step(&e, row->ev, row->at_ms);
		assert_int_equal(e.state, row->to);
		assert_int_equal(out.reason, row->reason);
		if (row->to != ELECTION_MASTER)
			continue;
		assert_int_equal(out.n_actions, 3);
		assert_int_equal(out.actions[0], ELECTION_SEND_HELLO);
		assert_int_equal(out.actions[1], ELECTION_ADD_ADDRESSES);
		assert_int_equal(out.actions[2], ELECTION_ANNOUNCE);
		assert_int_equal(e.term, 8);
	}
}

static void
only_a_master_renews_the_belief_of_a_backup(void **state)
{
	struct election e = backup();
	struct election_out out;

	(void)state;
	out = step(&e, heard(ELECTION_MASTER, 150, 7), 50);
	assert_int_equal(out.wake.ns, at(110).ns);
	out = step(&e, heard(ELECTION_BACKUP, 150, 7), 100);
	assert_int_equal(out.wake.ns, at(110).ns);
	out = doubt(&e, 110);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(out.reason, ELECTION_PEER_IDLE);
}

static void
a_slower_peer_is_given_its_time(void **state)
{
	struct election e = backup();
	struct election_event ev = heard(ELECTION_MASTER, 150, 7);

	(void)state;
	ev.heartbeat.dead_ms = 3000;
	assert_int_equal(step(&e, ev, 10).wake.ns, at(3010).ns);
	/* Also by who stood still, and has to listen anew. */
	ev = plain(ELECTION_STALLED);
	assert_int_equal(step(&e, ev, 2000).wake.ns, at(5000).ns);
}

static void
a_master_announces_when_its_peer_is_heard_again(void **state)
{
	struct election e = master();

	(void)state;
	(void)step(&e, heard(ELECTION_BACKUP, 150, 7), 70);
	assert_int_equal(
	    step(&e, heard(ELECTION_BACKUP, 150, 7), 90).n_actions, 0);
	assert_int_equal(
	    step(&e, heard(ELECTION_BACKUP, 150, 7), 150).actions[0],
	    ELECTION_ANNOUNCE);
}

static struct election_event
stalled(uint32_t ms)
{
	return (struct election_event){ .type = ELECTION_STALLED,
		.stalled_ms = ms };
}

/* As long as the peer can but have begun to ask. */
static void
a_master_that_hardly_slept_holds_on(void **state)
{
	struct election e = master();
	const uint32_t dead_ms = e.config.dead_ms;

	(void)state;
	(void)step(&e, heard(ELECTION_BACKUP, 50, 8), 430);
	assert_int_equal(step(&e, stalled(dead_ms), 500).n_actions, 0);
	(void)step(&e, heard(ELECTION_BACKUP, 50, 8), 530);
	assert_int_equal(
	    step(&e, stalled(dead_ms + SUSPECT_LEAST_MS / 2 - 1), 600)
	        .n_actions,
	    0);
	(void)step(&e, heard(ELECTION_BACKUP, 50, 8), 630);
	assert_int_equal(e.state, ELECTION_MASTER);
	(void)step(&e, stalled(dead_ms + SUSPECT_LEAST_MS / 2), 700);
	assert_int_equal(e.state, ELECTION_INIT);
}

/* Who has heard nobody for the dead time was not missed by anybody either. */
static void
a_master_that_slept_alone_holds_on(void **state)
{
	static const struct {
		const char *name;
		int64_t heard_ms; /* before it fell asleep; -1: never */
		uint32_t slept_ms;
		enum election_state to;
	} rows[] = {
		{ "the peer just heard us", 1, 100, ELECTION_INIT },
		{ "it may still count on us", 60, 100, ELECTION_INIT },
		{ "it does not any more", 61, 100, ELECTION_MASTER },
		{ "for almost hang_timeout", 61, 999, ELECTION_MASTER },
		{ "for so long that it claims anyway", 61, 1000,
		    ELECTION_INIT },
		{ "it never was there", -1, 999, ELECTION_MASTER },
		{ "nor that long", -1, 1000, ELECTION_INIT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct election e = election_init(&pair_config, at(0));
		const int64_t asleep_ms = 5000;

		test_row(rows[i].name);
		(void)doubt(&e, 1000);
		assert_int_equal(e.state, ELECTION_MASTER);
		if (rows[i].heard_ms != -1)
			(void)step(&e, heard(ELECTION_BACKUP, 50, 0),
			    asleep_ms - rows[i].heard_ms);
		(void)step(&e, stalled(rows[i].slept_ms),
		    asleep_ms + rows[i].slept_ms);
		assert_int_equal(e.state, rows[i].to);
	}
}

static void
a_master_that_slept_drops_and_believes_only_a_master(void **state)
{
	struct election e = master();
	struct election_out out = step(&e, stalled(UINT32_MAX / 2), 500);

	(void)state;
	assert_int_equal(e.state, ELECTION_INIT);
	assert_int_equal(out.actions[0], ELECTION_DEL_ADDRESSES);
	(void)step(&e, heard(ELECTION_BACKUP, 50, 8), 501);
	assert_int_equal(e.state, ELECTION_INIT);
	(void)step(&e, heard(ELECTION_MASTER, 50, 9), 502);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

/* It may have given up asking while we stood still: see is_settling(). */
static void
a_backup_that_slept_takes_only_what_is_still_offered(void **state)
{
	struct election e = backup();
	struct election_event offer = heard(ELECTION_MASTER, 150, 7);

	(void)state;
	offer.heartbeat.hands_over = true;
	(void)step(&e, plain(ELECTION_STALLED), 500);
	(void)step(&e, offer, 501);
	assert_int_equal(e.state, ELECTION_BACKUP);
	(void)step(&e, offer, 560);
	assert_int_equal(e.state, ELECTION_MASTER);
}

static void
a_refused_address_leaves_the_group_to_the_peer_for_a_while(void **state)
{
	struct election e = master();
	struct election_out out = step(&e, plain(ELECTION_ACTION_FAILED), 60);

	(void)state;
	assert_int_equal(e.state, ELECTION_FAULT);
	assert_int_equal(out.reason, ELECTION_REFUSED);
	assert_int_equal(out.actions[0], ELECTION_DEL_ADDRESSES);
	(void)step(&e, plain(ELECTION_TICK), 1059);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, plain(ELECTION_TICK), 1060);
	assert_int_equal(e.state, ELECTION_INIT);
}

static void
faults_end_with_track_ok_and_stop_never(void **state)
{
	struct election e = master();

	(void)state;
	(void)step(&e, plain(ELECTION_TRACK_FAULT), 100);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, heard(ELECTION_FAULT, 150, 0), 110);
	assert_int_equal(e.state, ELECTION_FAULT);
	assert_int_equal(step(&e, plain(ELECTION_TRACK_FAULT), 115).reason,
	    ELECTION_INTERFACE_DOWN);
	(void)step(&e, plain(ELECTION_TRACK_OK), 120);
	assert_int_equal(e.state, ELECTION_INIT);
	(void)step(&e, plain(ELECTION_STOP), 130);
	(void)step(&e, plain(ELECTION_TRACK_OK), 140);
	(void)step(&e, plain(ELECTION_TICK), 9999);
	(void)step(&e, heard(ELECTION_FAULT, 150, 0), 10000);
	assert_int_equal(e.state, ELECTION_FAULT);
}

/*
 * What is read first after a fault may have been sent before it was over: the
 * peer link is a TCP connection, and keeps it. By then the peer has claimed.
 */
static void
who_was_at_fault_claims_by_no_old_news(void **state)
{
	struct election e = master();

	(void)state;
	(void)step(&e, plain(ELECTION_TRACK_FAULT), 100);
	(void)step(&e, plain(ELECTION_TRACK_OK), 300);
	(void)step(&e, heard(ELECTION_BACKUP, 50, 0), 301);
	assert_int_equal(e.state, ELECTION_INIT);
	(void)step(&e, heard(ELECTION_MASTER, 50, 9), 320);
	assert_int_equal(e.state, ELECTION_BACKUP);

	e = master();
	(void)step(&e, plain(ELECTION_TRACK_FAULT), 100);
	(void)step(&e, plain(ELECTION_TRACK_OK), 300);
	(void)step(&e, heard(ELECTION_BACKUP, 50, 0), 300 + e.config.dead_ms);
	assert_int_equal(e.state, ELECTION_MASTER);
}

static void
listening_ends_at_once_when_the_peer_is_heard(void **state)
{
	struct election e = election_init(&pair_config, at(0));

	(void)state;
	assert_int_equal(step(&e, heard(ELECTION_INIT, 50, 3), 5).reason,
	    ELECTION_PREFERRED);
	assert_int_equal(e.term, 4);
	e = election_init(&pair_config, at(0));
	(void)step(&e, heard(ELECTION_INIT, 150, 3), 5);
	assert_int_equal(e.state, ELECTION_BACKUP);
	e = election_init(&pair_config, at(0));
	(void)step(&e, plain(ELECTION_TICK), 999);
	assert_int_equal(e.state, ELECTION_INIT);
	assert_int_equal(doubt(&e, 1000).reason, ELECTION_NO_PEER);
}

static void
unproven_traffic_prolongs_listening_up_to_a_limit(void **state)
{
	struct election e = election_init(&pair_config, at(0));

	(void)state;
	assert_int_equal(
	    step(&e, plain(ELECTION_UNPROVEN), 900).wake.ns, at(1900).ns);
	assert_int_equal(
	    step(&e, plain(ELECTION_UNPROVEN), 2900).wake.ns, at(3000).ns);
}

static void
a_restored_master_goes_on_with_its_term(void **state)
{
	struct election e = election_init(&pair_config, at(0));
	struct election_event ev = { .type = ELECTION_RESTORE };
	struct election_out out;

	(void)state;
	ev.restore.master = true;
	ev.restore.term = 42;
	out = step(&e, ev, 1);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(e.term, 42);
	assert_int_equal(out.reason, ELECTION_RESTORED);
	/* The peer claimed meanwhile. */
	(void)step(&e, heard(ELECTION_MASTER, 50, 43), 2);
	assert_int_equal(e.state, ELECTION_BACKUP);
}

/*
 * Whatever term the peer spoke of: a claim is later than that, a peer that has
 * forgotten all accepts it as such, and gives way to it.
 */
static void
no_term_is_the_last(void **state)
{
	static const uint64_t terms[] = { 7, 1000000, UINT64_MAX / 2,
		UINT64_C(1) << 63, (UINT64_C(1) << 63) + 7, UINT64_MAX - 1,
		UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		struct election e = backup(), fresh = backup();
		struct election_event ev;

		fresh.term = fresh.heard_term = 0;
		(void)step(&e, heard(ELECTION_MASTER, 150, terms[i]), 10);
		(void)doubt(&e, 70);
		assert_int_equal(e.state, ELECTION_MASTER);
		assert_true(election_term_is_later(e.term, terms[i]));
		/* A handover to one that begins at nought, ... */
		(void)step(&e, plain(ELECTION_HANDOVER_BEGIN), 100);
		ev = heard(ELECTION_MASTER, 150, e.term);
		ev.heartbeat.hands_over = true;
		(void)step(&fresh, ev, 100);
		assert_int_equal(fresh.state, ELECTION_MASTER);
		ev = heard(ELECTION_MASTER, 150, fresh.term);
		assert_int_equal(step(&e, ev, 101).reason, ELECTION_GAVE_OVER);
		/* ... and back. */
		ev.heartbeat.hands_over = true;
		(void)step(&e, ev, 200);
		assert_int_equal(e.state, ELECTION_MASTER);
		assert_true(election_term_is_later(e.term, fresh.term));
	}
}

static void
of_any_two_terms_one_is_later(void **state)
{
	static const uint64_t terms[] = { 0, 1, 2, UINT64_MAX / 2,
		UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX - 1,
		UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++)
		for (size_t k = 0; k < ARRAY_LEN(terms); k++)
			assert_int_equal(
			    election_term_is_later(terms[i], terms[k]) +
			        election_term_is_later(terms[k], terms[i]),
			    i != k);
}

/*
 * Who kept its term over a restart has heard none, and so the two are far apart
 * on the ring: what it hears may be news to one of them only.
 */
static void
a_claim_is_later_than_each_term_that_was_known(void **state)
{
	enum {
		EDGES = 8,
		NEAR = 5
	};

	(void)state;
	for (uint64_t i = 0; i < (uint64_t)EDGES * NEAR; i++)
		for (uint64_t k = 0; k < (uint64_t)EDGES * NEAR; k++) {
			const uint64_t eighth = UINT64_C(1) << 61;
			const uint64_t own = i / NEAR * eighth + i % NEAR - 2;
			const uint64_t peer = k / NEAR * eighth + k % NEAR - 2;
			struct election e = election_init(&pair_config, at(0));
			struct election_event ev = { .type = ELECTION_RESTORE };
			uint64_t known;

			ev.restore.term = own;
			(void)step(&e, ev, 1);
			known = e.term;
			(void)step(&e, heard(ELECTION_INIT, 50, peer), 5);
			assert_int_equal(e.state, ELECTION_MASTER);
			assert_true(election_term_is_later(e.term, peer));
			assert_true(e.term != known);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backup_claims_for_good_reasons_only),
		cmocka_unit_test(only_a_master_renews_the_belief_of_a_backup),
		cmocka_unit_test(a_slower_peer_is_given_its_time),
		cmocka_unit_test(
		    a_master_announces_when_its_peer_is_heard_again),
		cmocka_unit_test(a_master_that_hardly_slept_holds_on),
		cmocka_unit_test(a_master_that_slept_alone_holds_on),
		cmocka_unit_test(
		    a_master_that_slept_drops_and_believes_only_a_master),
		cmocka_unit_test(
		    a_refused_address_leaves_the_group_to_the_peer_for_a_while),
		cmocka_unit_test(
		    a_backup_that_slept_takes_only_what_is_still_offered),
		cmocka_unit_test(faults_end_with_track_ok_and_stop_never),
		cmocka_unit_test(who_was_at_fault_claims_by_no_old_news),
		cmocka_unit_test(listening_ends_at_once_when_the_peer_is_heard),
		cmocka_unit_test(
		    unproven_traffic_prolongs_listening_up_to_a_limit),
		cmocka_unit_test(a_restored_master_goes_on_with_its_term),
		cmocka_unit_test(no_term_is_the_last),
		cmocka_unit_test(of_any_two_terms_one_is_later),
		cmocka_unit_test(
		    a_claim_is_later_than_each_term_that_was_known),
	};

	TEST_MAIN(tests);
}

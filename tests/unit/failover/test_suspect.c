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

static void
a_peer_whose_host_answers_keeps_them_for_hang_timeout(void **state)
{
	struct election e = backup();
	struct election_out out;
	int64_t ms = 60;

	(void)state;
	while (e.state == ELECTION_BACKUP && ms < 5000) {
		out = step(&e, plain(ELECTION_TICK), ms);
		(void)step(&e, answered(SUSPECT_PEER), ms + 1);
		(void)step(&e, answered(SUSPECT_ADDRESS_AT_PEER), ms + 1);
		if (ms == 68)
			assert_int_equal(out.reason, ELECTION_PEER_HANGS);
		else if (e.state == ELECTION_BACKUP)
			assert_int_equal(out.reason, ELECTION_UNCHANGED);
		ms = out.wake.ns / 1000000;
	}
	assert_int_equal(out.reason, ELECTION_PEER_HUNG);
	assert_in_range(mono_span_ms(at(60), e.heard) + 1000, 0, 2000);
	assert_true(ms > 1060);
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
an_address_of_a_third_host_is_not_claimed(void **state)
{
	struct election e = backup();
	struct election_out out;

	(void)state;
	for (int64_t ms = 60; ms < 60000; ms = out.wake.ns / 1000000) {
		out = step(&e, plain(ELECTION_TICK), ms);
		(void)step(&e, answered(SUSPECT_ADDRESS_ELSEWHERE), ms);
		assert_int_equal(e.state, ELECTION_BACKUP);
		assert_int_equal(out.reason,
		    ms == 68 ? ELECTION_CONFLICT : ELECTION_UNCHANGED);
	}
	assert_int_equal(doubt(&e, 61000).reason, ELECTION_UNCHANGED);
	assert_int_equal(doubt(&e, 62000).reason, ELECTION_PEER_SILENT);
}

static void
with_witnesses_nobody_is_trusted_who_hears_none(void **state)
{
	struct election e = backup();
	struct election_out out;
	int64_t ms = 60;

	(void)state;
	e.config.doubt.witnesses = true;
	do {
		out = step(&e, plain(ELECTION_TICK), ms);
		ms += 5;
	} while (e.state == ELECTION_BACKUP && ms < 5000);
	assert_int_equal(out.reason, ELECTION_ISOLATED);
	assert_int_equal(e.state, ELECTION_FAULT);
	assert_int_equal(ms, 60 + 200 + 5);
	/* It asks on, and listens anew once somebody is there. */
	out = step(&e, plain(ELECTION_TICK), 760);
	assert_int_equal(out.actions[0], ELECTION_PROBE);
	(void)step(&e, answered(SUSPECT_PEER), 761);
	assert_int_equal(e.state, ELECTION_FAULT);
	(void)step(&e, answered(SUSPECT_WITNESS), 762);
	assert_int_equal(e.state, ELECTION_INIT);
}

static void
with_witnesses_one_word_is_enough_to_claim(void **state)
{
	struct election e = backup();

	(void)state;
	e.config.doubt.witnesses = true;
	(void)step(&e, plain(ELECTION_TICK), 60);
	(void)step(&e, answered(SUSPECT_WITNESS), 61);
	(void)step(&e, plain(ELECTION_TICK), 64);
	assert_int_equal(
	    step(&e, plain(ELECTION_TICK), 68).reason, ELECTION_PEER_SILENT);
	assert_int_equal(e.state, ELECTION_MASTER);
}

static void
a_master_that_hears_neither_peer_nor_witness_gives_up(void **state)
{
	struct election e = backup();
	struct election_out out;
	int64_t ms;

	(void)state;
	e.config.doubt.witnesses = true;
	out = step(&e, plain(ELECTION_PEER_ENDED), 10);
	assert_int_equal(out.wake.ns, at(70).ns);
	(void)step(&e, plain(ELECTION_TICK), 70);
	(void)step(&e, answered(SUSPECT_WITNESS), 71);
	(void)step(&e, plain(ELECTION_TICK), 74);
	out = step(&e, plain(ELECTION_TICK), 80);
	assert_int_equal(e.state, ELECTION_MASTER);
	assert_int_equal(out.wake.ns, at(580).ns);
	for (ms = 580; e.state == ELECTION_MASTER && ms < 5000; ms += 5)
		out = step(&e, plain(ELECTION_TICK), ms);
	assert_int_equal(out.reason, ELECTION_ISOLATED);
	assert_int_equal(out.actions[0], ELECTION_DEL_ADDRESSES);
	assert_int_equal(ms, 785);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_peer_is_replaced_when_nobody_answers),
		cmocka_unit_test(a_heartbeat_ends_a_doubt),
		cmocka_unit_test(
		    a_peer_whose_host_answers_keeps_them_for_hang_timeout),
		cmocka_unit_test(a_peer_that_has_let_go_is_replaced_at_once),
		cmocka_unit_test(an_address_of_a_third_host_is_not_claimed),
		cmocka_unit_test(
		    with_witnesses_nobody_is_trusted_who_hears_none),
		cmocka_unit_test(with_witnesses_one_word_is_enough_to_claim),
		cmocka_unit_test(
		    a_master_that_hears_neither_peer_nor_witness_gives_up),
	};

	TEST_MAIN(tests);
}

#include "failover/election/node_pause.h"
#include "tests/lib/node_pair.h"

static bool
asks(const struct node_pair *p, enum node_effect_type type)
{
	for (unsigned i = 0; i < p->out.n; i++)
		if (p->out.effects[i].type == type)
			return true;
	return false;
}

static struct hello
peer_in(struct node_pair *p, enum election_state state)
{
	struct hello h = { .type = HELLO_BEAT,
		.interval_ms = 20,
		.misses = 3,
		.n_groups = 1,
		.groups = {
		    { .id = 1, .state = state, .priority = 100, .term = 3 } } };

	peer_stamp(&p->peer, &h, 60, node_pair_now(p).mono);
	return h;
}

static void
hear(struct node_pair *p, const struct hello *h)
{
	node_pair_put(p,
	    &(struct node_event){
	        .type = NODE_HELLO, .hello = { .said = *h, .fresh = 99 } });
}

/* It has heard a peer in this state, and is what follows from that. */
static struct node_pair
after(enum election_state state)
{
	struct node_pair p = node_pair_new(false);
	struct hello h;

	node_pair_put_type(&p, NODE_BEGIN);
	h = peer_in(&p, ELECTION_INIT);
	hear(&p, &h);
	node_pair_acquaint(&p);
	h = peer_in(&p, state);
	hear(&p, &h);
	p.now_ms += 10;
	return p;
}

static struct node_pair
backup(void)
{
	return after(ELECTION_MASTER);
}

static struct node_pair
master(void)
{
	return after(ELECTION_BACKUP);
}

static void
pause_for(struct node_pair *p, uint32_t ms)
{
	node_pair_put(
	    p, &(struct node_event){ .type = NODE_PAUSE, .pause.ms = ms });
}

/* The node speaks, as it must; others than the peer are heard. */
static void
tick_until(struct node_pair *p, int64_t ms)
{
	while (p->now_ms < ms) {
		struct node_now now;
		struct hello h;

		p->now_ms += 4;
		now = node_pair_now(p);
		node_pair_put_type(p, NODE_BEAT);
		node_speak(&p->node, HELLO_BEAT, &now, &h);
		node_pair_put(p,
		    &(struct node_event){
		        .type = NODE_SOMEBODY, .group = NODE_EVERY });
		if (!mono_before(now.mono, node_wake(&p->node)))
			node_pair_put_type(p, NODE_TICK);
	}
}

static void
in_a_pause_silence_moves_nothing(void **state)
{
	struct node_pair p = backup();
	const int64_t began_ms = p.now_ms;

	(void)state;
	pause_for(&p, 2000);
	assert_true(p.node.paused);
	tick_until(&p, began_ms + 1900);
	assert_int_equal(p.node.groups[0].election.state, ELECTION_BACKUP);
	assert_true(p.node.groups[0].election.waits);
	tick_until(&p, began_ms + 2100);
	assert_false(p.node.paused);
	assert_int_equal(p.node.groups[0].election.state, ELECTION_MASTER);
}

static void
what_waited_happens_when_moves_are_resumed(void **state)
{
	struct node_pair p = backup();
	const int64_t began_ms = p.now_ms;

	(void)state;
	pause_for(&p, 60000);
	tick_until(&p, began_ms + 600);
	pause_for(&p, 0);
	tick_until(&p, began_ms + 640);
	assert_int_equal(p.node.groups[0].election.state, ELECTION_MASTER);
}

static void
in_a_pause_a_process_that_ended_moves_it(void **state)
{
	struct node_pair p = backup();

	(void)state;
	pause_for(&p, 60000);
	p.now_ms += 20;
	node_pair_put_type(&p, NODE_PEER_ENDED);
	tick_until(&p, p.now_ms + 40);
	assert_int_equal(p.node.groups[0].election.state, ELECTION_MASTER);
}

static void
fault(struct node_pair *p, enum node_cause cause, enum election_reason reason)
{
	node_pair_put(p,
	    &(struct node_event){ .type = NODE_FAULT,
	        .group = NODE_EVERY,
	        .fault = { .cause = cause, .reason = reason } });
}

static void
in_a_pause_a_master_keeps_what_the_network_takes(void **state)
{
	static const struct {
		enum node_cause cause;
		enum election_reason reason;
		bool waits;
	} faults[] = {
		{ NODE_CAUSE_INTERFACE, ELECTION_INTERFACE_CARRIER, true },
		{ NODE_CAUSE_SEGMENT, ELECTION_CUT_OFF, true },
		{ NODE_CAUSE_ADDRESS, ELECTION_ADDRESS_MISSING, true },
		{ NODE_CAUSE_INTERFACE, ELECTION_INTERFACE_MISSING, false },
		{ NODE_CAUSE_RELAY, ELECTION_RELAY_GONE, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct node_pair p = master();
		const struct election *e = &p.node.groups[0].election;

		pause_for(&p, 60000);
		fault(&p, faults[i].cause, faults[i].reason);
		assert_int_equal(e->state,
		    faults[i].waits ? ELECTION_MASTER : ELECTION_FAULT);
		/* One that counts is not hidden by one that waits. */
		fault(&p, NODE_CAUSE_STALLED, ELECTION_RELAY_STALLED);
		assert_int_equal(e->state, ELECTION_FAULT);
		p = master();
		pause_for(&p, 60000);
		fault(&p, faults[i].cause, faults[i].reason);
		pause_for(&p, 0);
		assert_int_equal(e->state, ELECTION_FAULT);
	}
}

/* And what it heard of a pause on its way out does not bring it back. */
static void
a_pause_is_one_of_both_nodes(void **state)
{
	struct node_pair p = backup();
	struct hello h = peer_in(&p, ELECTION_MASTER);

	(void)state;
	h.pause_epoch = 4;
	h.pause_ms = 5000;
	h.pause_own = true;
	hear(&p, &h);
	assert_true(p.node.paused && !p.node.pause.own);
	assert_true(asks(&p, NODE_DO_SAY) && asks(&p, NODE_TELL_PAUSE));
	pause_for(&p, 0);
	assert_false(p.node.paused);
	assert_int_equal(p.node.pause.epoch, 5);
	h = peer_in(&p, ELECTION_MASTER);
	h.pause_epoch = 4;
	h.pause_ms = 4000;
	hear(&p, &h);
	assert_false(p.node.paused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_pause_silence_moves_nothing),
		cmocka_unit_test(what_waited_happens_when_moves_are_resumed),
		cmocka_unit_test(in_a_pause_a_process_that_ended_moves_it),
		cmocka_unit_test(
		    in_a_pause_a_master_keeps_what_the_network_takes),
		cmocka_unit_test(a_pause_is_one_of_both_nodes),
	};

	TEST_MAIN(tests);
}

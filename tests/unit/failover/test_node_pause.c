#include "failover/election/node_pause.h"
#include "tests/lib/test.h"

/* A node without a relay to wait for, and its peer as it would speak. */
struct pair {
	struct node node;
	struct peer peer;
	int64_t now_ms;
	struct node_out out;
};

static struct node_now
moment(const struct pair *p)
{
	const struct mono m = mono_add_ms((struct mono){ 0 }, p->now_ms);

	return (struct node_now){ m, m };
}

static void
put(struct pair *p, const struct node_event *ev)
{
	const struct node_now now = moment(p);

	node_step(&p->node, ev, &now, &p->out);
}

static void
put_type(struct pair *p, enum node_type type)
{
	put(p, &(struct node_event){ .type = type });
}

static bool
asks(const struct pair *p, enum node_effect_type type)
{
	for (unsigned i = 0; i < p->out.n; i++)
		if (p->out.effects[i].type == type)
			return true;
	return false;
}

static struct hello
peer_in(struct pair *p, enum election_state state)
{
	struct hello h = { .type = HELLO_BEAT,
		.interval_ms = 20,
		.misses = 3,
		.n_groups = 1,
		.groups = {
		    { .id = 1, .state = state, .priority = 100, .term = 3 } } };

	peer_stamp(&p->peer, &h, 60, moment(p).mono);
	return h;
}

static void
hear(struct pair *p, const struct hello *h)
{
	put(p,
	    &(struct node_event){
	        .type = NODE_HELLO, .hello = { .said = *h, .fresh = 99 } });
}

/* It has heard a peer in this state, and is what follows from that. */
static struct pair
after(enum election_state state)
{
	const struct election_config election = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000 },
		.priority = 100,
		.wins_ties = true };
	const struct node_config config = { .peer = { .keys = { 7 },
		                                .self = 1,
		                                .other = 2,
		                                .boot = { { 1 } } },
		.interval_ms = 20,
		.misses = 3,
		.patience_ms = NODE_PATIENCE_MS };
	const struct peer_config other = {
		.keys = { 7 }, .self = 2, .other = 1, .boot = { { 2 } }
	};
	struct pair p = { .now_ms = 10000 };
	const struct node_now now = moment(&p);
	struct hello h;

	p.peer = peer_init(&other, 50);
	node_init(&p.node, &config, 40);
	node_add_group(&p.node, 1, true, &election, now.mono);
	put_type(&p, NODE_BEGIN);
	h = peer_in(&p, ELECTION_INIT);
	hear(&p, &h);
	node_speak(&p.node, HELLO_CHALLENGE, &now, &h);
	assert_int_equal(
	    peer_receive(&p.peer, &h, 51, now.mono), PEER_NEW_BOOT);
	h = peer_in(&p, state);
	hear(&p, &h);
	p.now_ms += 10;
	return p;
}

static struct pair
backup(void)
{
	return after(ELECTION_MASTER);
}

static struct pair
master(void)
{
	return after(ELECTION_BACKUP);
}

static void
pause_for(struct pair *p, uint32_t ms)
{
	put(p, &(struct node_event){ .type = NODE_PAUSE, .pause.ms = ms });
}

/* The node speaks, as it must; others than the peer are heard. */
static void
tick_until(struct pair *p, int64_t ms)
{
	while (p->now_ms < ms) {
		struct node_now now;
		struct hello h;

		p->now_ms += 4;
		now = moment(p);
		put_type(p, NODE_BEAT);
		node_speak(&p->node, HELLO_BEAT, &now, &h);
		put(p,
		    &(struct node_event){
		        .type = NODE_SOMEBODY, .group = NODE_EVERY });
		if (!mono_before(now.mono, node_wake(&p->node)))
			put_type(p, NODE_TICK);
	}
}

static void
in_a_pause_silence_moves_nothing(void **state)
{
	struct pair p = backup();
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
	struct pair p = backup();
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
	struct pair p = backup();

	(void)state;
	pause_for(&p, 60000);
	p.now_ms += 20;
	put_type(&p, NODE_PEER_ENDED);
	tick_until(&p, p.now_ms + 40);
	assert_int_equal(p.node.groups[0].election.state, ELECTION_MASTER);
}

static void
fault(struct pair *p, enum node_cause cause, enum election_reason reason)
{
	put(p,
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
		struct pair p = master();
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
	struct pair p = backup();
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

#include "failover/election/node_peer.h"
#include "tests/lib/test.h"

#include <string.h>

/*
 * A peer that holds the key and says whatever it likes: how far this node
 * follows it.
 */

struct bed {
	struct node node;
	struct peer peer; /* as it speaks */
	int64_t now_ms;
	uint16_t interval_ms;
	uint8_t misses;
	struct node_out out;
};

static struct node_now
moment(const struct bed *b)
{
	const struct mono m = mono_add_ms((struct mono){ 0 }, b->now_ms);

	return (struct node_now){ m, m };
}

static void
put(struct bed *b, const struct node_event *ev)
{
	const struct node_now now = moment(b);

	node_step(&b->node, ev, &now, &b->out);
}

static void
put_type(struct bed *b, enum node_type type)
{
	put(b, &(struct node_event){ .type = type });
}

/* It proves itself where it has to. */
static void
say(struct bed *b, enum hello_type type, const struct hello_group *g)
{
	struct node_event ev = { .type = NODE_HELLO,
		.hello = { .said = { .type = type,
		               .interval_ms = b->interval_ms,
		               .misses = b->misses,
		               .n_groups = 1 },
		    .fresh = b->node.peer.nonce + 1 } };

	ev.hello.said.groups[0] = *g;
	if (g->id == 0)
		ev.hello.said.groups[0].id = 1;
	peer_stamp(&b->peer, &ev.hello.said, 60, moment(b).mono);
	ev.hello.said.echo_boot = b->node.peer.config.boot;
	ev.hello.said.echo_nonce = b->node.peer.nonce;
	ev.hello.said.echo_seq = b->node.peer.sent;
	put(b, &ev);
}

static void
say_state(struct bed *b, enum election_state state, uint64_t term)
{
	say(b, HELLO_BEAT,
	    &(struct hello_group){
	        .state = state, .priority = 50, .term = term });
}

static struct bed
master(void)
{
	const struct election_config election = { .dead_ms = 60,
		.listen_ms = 1000,
		.doubt = { .hang_ms = 1000 },
		.priority = 100,
		.wins_ties = true };
	const struct node_config config = {
		.peer = { .keys = { 7 },
		    .self = 1,
		    .other = 2,
		    .boot = { { 1 } } },
		.interval_ms = 20,
		.misses = 3,
		.patience_ms = NODE_PATIENCE_MS,
		.hang_ms = 1000,
	};
	const struct peer_config other = {
		.keys = { 7 }, .self = 2, .other = 1, .boot = { { 2 } }
	};
	struct bed b = { .now_ms = 10000, .interval_ms = 20, .misses = 3 };

	b.peer = peer_init(&other, 50);
	node_init(&b.node, &config, 40);
	node_add_group(&b.node, 1, true, &election, moment(&b).mono);
	put_type(&b, NODE_BEGIN);
	say_state(&b, ELECTION_BACKUP, 3);
	assert_true(node_is_master(&b.node, 0));
	b.now_ms += 10;
	return b;
}

static unsigned
count(const struct bed *b, enum node_effect_type type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->out.n; i++)
		n += b->out.effects[i].type == type;
	return n;
}

/* S12: a second and 20 misses. Our file has 60 ms, and a hang_timeout of 1 s.
 */
static void
its_own_pace_is_bounded_by_our_file(void **state)
{
	struct bed b = master();

	(void)state;
	assert_int_equal(node_dead_ms(&b.node), 60);
	b.interval_ms = 1000;
	b.misses = 20;
	say_state(&b, ELECTION_BACKUP, 3);
	assert_int_equal(node_dead_ms(&b.node), 1000);
	b.interval_ms = 5;
	b.misses = 2;
	say_state(&b, ELECTION_BACKUP, 3);
	assert_int_equal(node_dead_ms(&b.node), 60);
}

/* It was a backup a moment ago, whatever it says of ten minutes. */
static void
nobody_has_served_since_before_it_said_that_it_does_not(void **state)
{
	struct bed b = master();
	const struct hello_group lie = { .state = ELECTION_MASTER,
		.served_ms = ELECTION_SERVED_MAX_MS,
		.priority = 50,
		.term = 4 };

	(void)state;
	for (unsigned i = 0; i < 500; i++, b.now_ms += 20)
		say_state(&b, ELECTION_BACKUP, 3);
	say(&b, HELLO_BEAT, &lie);
	assert_true(node_is_master(&b.node, 0));
	/* After a long cut it may be so. */
	say_state(&b, ELECTION_BACKUP, 3);
	b.now_ms += 60000;
	put_type(&b, NODE_CLOCK);
	b = master();
	b.node.groups[0].idle = mono_add_ms(moment(&b).mono, -60000);
	say(&b, HELLO_BEAT, &lie);
	assert_false(node_is_master(&b.node, 0));
}

/* In a minute of a new mind each millisecond, and then an honest word. */
static void
a_peer_that_changes_its_mind_all_the_time_moves_little(void **state)
{
	struct bed b = master();
	unsigned adds = 0, deletes = 0, told = 0;

	(void)state;
	for (unsigned i = 0; i < 60000; i++, b.now_ms++) {
		say(&b, HELLO_BEAT,
		    &(struct hello_group){
		        .state = i % 2 ? ELECTION_MASTER : ELECTION_FAULT,
		        .priority = 50,
		        .term = 4 + 2 * (uint64_t)i });
		adds += count(&b, NODE_DO_ADD);
		deletes += count(&b, NODE_DO_DELETE);
		told += count(&b, NODE_TELL_STATE);
		put_type(&b, NODE_TICK);
		adds += count(&b, NODE_DO_ADD);
		told += count(&b, NODE_TELL_STATE);
		if (i % 20 == 0)
			put_type(&b, NODE_BEAT);
	}
	assert_true(adds <= 500 && deletes <= 500 && told <= 1500);
	assert_true(b.node.peer.rejected[PEER_REJECT_EXCESS] > 50000);
	b.now_ms += 5000;
	put_type(&b, NODE_CLOCK);
	for (unsigned i = 0; i < 100; i++, b.now_ms += 20) {
		say_state(&b, ELECTION_BACKUP, 3);
		put_type(&b, NODE_BEAT);
		put_type(&b, NODE_TICK);
	}
	assert_true(node_is_master(&b.node, 0));
}

/* It has the key, so each of its starts is proven: most are not taken. */
static void
a_peer_that_is_started_all_the_time_is_heard_now_and_then(void **state)
{
	struct bed b = master();
	unsigned expects = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++, b.now_ms++) {
		b.peer.config.boot.bytes[1] = (uint8_t)i;
		b.peer.config.boot.bytes[2] = (uint8_t)(i >> 8);
		say_state(&b, ELECTION_BACKUP, 3);
		expects += count(&b, NODE_DO_EXPECT);
		if (i % 20 == 0)
			put_type(&b, NODE_BEAT);
	}
	assert_in_range(expects, 20, 31);
	assert_true(node_is_master(&b.node, 0));
}

static void
challenges_are_answered_once_a_millisecond(void **state)
{
	const struct hello_group g = {
		.state = ELECTION_BACKUP, .priority = 50, .term = 3
	};
	struct bed b = master();
	unsigned said = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		say(&b, HELLO_CHALLENGE, &g);
		said += count(&b, NODE_DO_SAY);
		b.now_ms += i % 100 == 0;
	}
	assert_in_range(said, 100, 110);
}

/* Preferred, and never takes it: each offer mutes the listeners for a while. */
static void
a_peer_that_takes_no_offer_is_asked_less_and_less(void **state)
{
	struct bed b = master();
	unsigned mutes = 0;

	(void)state;
	b.node.groups[0].election.config.preempt = true;
	put_type(&b, NODE_RELAY_CAME);
	put_type(&b, NODE_RELAY_SERVES);
	for (unsigned i = 0; i < 60000; i += 10, b.now_ms += 10) {
		say(&b, HELLO_BEAT,
		    &(struct hello_group){ .state = i / 100 % 10 == 9
		            ? ELECTION_INIT
		            : ELECTION_BACKUP,
		        .priority = 200,
		        .term = 3 });
		mutes += count(&b, NODE_DO_MUTE);
		put_type(&b, NODE_TICK);
		if (i % 20 == 0)
			put_type(&b, NODE_BEAT);
	}
	assert_in_range(mutes, 3, 7);
	assert_true(node_is_master(&b.node, 0));
}

static unsigned
offers_until_ms(struct bed *b, int64_t until_ms)
{
	unsigned mutes = 0;

	for (; b->now_ms < until_ms; b->now_ms += 10) {
		say(b, HELLO_BEAT,
		    &(struct hello_group){
		        .state = ELECTION_BACKUP, .priority = 200, .term = 3 });
		mutes += count(b, NODE_DO_MUTE);
		put_type(b, NODE_TICK);
		if (b->now_ms % 20 == 0)
			put_type(b, NODE_BEAT);
	}
	return mutes;
}

/* The director says that it does not, and then that it does; or never. */
static void
a_peer_is_offered_it_when_it_knows_the_connections(void **state)
{
	const struct node_event behind = { .type = NODE_LEVEL };
	const struct node_event level = { .type = NODE_LEVEL, .level = true };

	(void)state;
	for (unsigned says = 0; says < 2; says++) {
		struct bed b = master();
		const int64_t start_ms = b.now_ms;

		b.node.groups[0].election.config.preempt = true;
		put_type(&b, NODE_RELAY_CAME);
		put_type(&b, NODE_RELAY_SERVES);
		put(&b, &behind);
		assert_int_equal(offers_until_ms(&b, start_ms + 5000), 0);
		if (says != 0)
			put(&b, &level);
		assert_in_range(
		    offers_until_ms(&b, start_ms + 9000), says, 3 * says);
		assert_in_range(offers_until_ms(&b, start_ms + 13000), 1, 4);
	}
}

static enum handover_outcome
refused_by_ms(struct bed *b, int64_t until_ms)
{
	enum handover_outcome why = HANDOVER_UNDECIDED;

	for (; b->now_ms < until_ms; b->now_ms += 10) {
		say(b, HELLO_BEAT,
		    &(struct hello_group){
		        .state = ELECTION_BACKUP, .priority = 50, .term = 3 });
		put_type(b, NODE_BEAT);
		for (unsigned i = 0; i < b->out.n; i++)
			if (b->out.effects[i].type == NODE_TELL_REFUSED)
				why = b->out.effects[i].outcome;
	}
	return why;
}

/* An operator waits for the director's word, and is told where it is not said.
 */
static void
a_handover_waits_until_the_peer_knows_the_connections(void **state)
{
	const struct node_event behind = { .type = NODE_LEVEL };
	const struct node_event level = { .type = NODE_LEVEL, .level = true };
	struct bed b = master();
	const int64_t start_ms = b.now_ms;

	(void)state;
	put_type(&b, NODE_RELAY_CAME);
	put_type(&b, NODE_RELAY_SERVES);
	put(&b, &behind);
	put_type(&b, NODE_HAND_OVER);
	assert_int_equal(
	    refused_by_ms(&b, start_ms + 2000), HANDOVER_UNDECIDED);
	assert_int_equal(b.node.groups[0].handover.state, HANDOVER_IDLE);
	put(&b, &level);
	assert_int_equal(count(&b, NODE_DO_MUTE), 1);

	b = master();
	put_type(&b, NODE_RELAY_CAME);
	put_type(&b, NODE_RELAY_SERVES);
	put(&b, &behind);
	put_type(&b, NODE_HAND_OVER);
	assert_int_equal(
	    refused_by_ms(&b, start_ms + 3500), HANDOVER_PEER_BEHIND);
	/* A director that never says so keeps nobody from it for ever. */
	(void)refused_by_ms(&b, start_ms + 10500);
	put_type(&b, NODE_HAND_OVER);
	assert_int_equal(count(&b, NODE_DO_MUTE), 1);
}

/* It says that it misses us, and would serve, and does not. */
static void
a_word_about_us_that_helps_nobody_ends(void **state)
{
	struct bed b = master();
	struct hello_group g = {
		.state = ELECTION_BACKUP, .priority = 50, .term = 3
	};
	unsigned reigned = 0;

	(void)state;
	node_add_segment(&b.node, 0, 0);
	for (unsigned i = 0; i < 20000; i += 20, b.now_ms += 20) {
		g.misses_peer = true;
		g.term = b.node.groups[0].election.term;
		say(&b, HELLO_BEAT, &g);
		put_type(&b, NODE_TICK);
		put_type(&b, NODE_BEAT);
		reigned += node_is_master(&b.node, 0);
	}
	assert_true(node_is_master(&b.node, 0));
	assert_in_range(reigned, 600, 800); /* of a thousand */
}

/*
 * Its file calls the group something else: what it says is not of this group,
 * so what its host shows counts.
 */
static void
who_knows_the_group_by_another_name_disputes_it_by_arp(void **state)
{
	static const int64_t rounds_ms[] = { 1, 20, 80 };
	struct bed b = master();
	const struct hello_group other = {
		.id = 2, .state = ELECTION_MASTER, .priority = 50, .term = 3
	};
	struct node_event ev = { .type = NODE_SHOWN,
		.shown = { .mac = { 2 }, .own = true } };
	struct election *e = &b.node.groups[0].election;

	(void)state;
	e->config.wins_ties = false;
	put(&b, &ev);
	ev.shown.own = false;
	e->dispute = dispute_begin(false, 60, moment(&b).mono);
	for (unsigned i = 0; i < ARRAY_LEN(rounds_ms); i++) {
		assert_int_equal(e->state, ELECTION_MASTER);
		b.now_ms += rounds_ms[i];
		say(&b, HELLO_BEAT, &other);
		put(&b, &ev);
	}
	assert_int_equal(e->state, ELECTION_INIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_pace_is_bounded_by_our_file),
		cmocka_unit_test(
		    nobody_has_served_since_before_it_said_that_it_does_not),
		cmocka_unit_test(
		    a_peer_that_changes_its_mind_all_the_time_moves_little),
		cmocka_unit_test(
		    a_peer_that_is_started_all_the_time_is_heard_now_and_then),
		cmocka_unit_test(challenges_are_answered_once_a_millisecond),
		cmocka_unit_test(
		    a_peer_that_takes_no_offer_is_asked_less_and_less),
		cmocka_unit_test(
		    a_peer_is_offered_it_when_it_knows_the_connections),
		cmocka_unit_test(
		    a_handover_waits_until_the_peer_knows_the_connections),
		cmocka_unit_test(a_word_about_us_that_helps_nobody_ends),
		cmocka_unit_test(
		    who_knows_the_group_by_another_name_disputes_it_by_arp),
	};

	TEST_MAIN(tests);
}

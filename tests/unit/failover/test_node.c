#include "failover/election/node_view.h"
#include "tests/lib/node_pair.h"

#include <string.h>

/* Of effects, in the order of enum node_effect_type. */
static const char *const words[] = { "start", "say", "challenge", "expect",
	"probe", "question", "add", "renew", "delete", "announce",
	"end-announcing", "tickle", "tickle-late", "tickle-more",
	"end-tickling", "hold", "forward", "give-back", "let-go", "hush",
	"answer", "drop", "[state]", "[priority]", "[heard]", "[ended]",
	"[stall]", "[pause]", "[begun]", "[unwilling]", "[refused]",
	"[outcome]" };

static const char *
asked(const struct node_pair *p)
{
	static char text[512];

	text[0] = '\0';
	for (unsigned i = 0; i < p->out.n; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, words[p->out.effects[i].type]);
	}
	return text;
}

static void
hear(struct node_pair *p, const struct hello_group *g, bool resigning)
{
	struct node_event ev = { .type = NODE_HELLO,
		.hello = { .said = { .type = HELLO_BEAT,
		               .interval_ms = 20,
		               .misses = 3,
		               .resigning = resigning,
		               .n_groups = 1 },
		    .fresh = 99 } };

	ev.hello.said.groups[0] = *g;
	ev.hello.said.groups[0].id = 1;
	ev.hello.said.groups[0].macs[0][5] = 2;
	peer_stamp(&p->peer, &ev.hello.said, 60, node_pair_now(p).mono);
	node_pair_put(p, &ev);
}

static void
hear_state(struct node_pair *p, enum election_state state, uint64_t term)
{
	hear(p,
	    &(struct hello_group){ .state = state,
	        .held = state == ELECTION_MASTER,
	        .priority = 100,
	        .term = term },
	    false);
}

static struct node_pair
started(void)
{
	struct node_pair p = node_pair_new(true);

	node_pair_put_type(&p, NODE_BEGIN);
	assert_string_equal(asked(&p), "");
	node_pair_put_type(&p, NODE_RELAY_SERVES);
	assert_string_equal(asked(&p), "start say");
	return p;
}

/* The peer knows us, and has not spoken yet. */
static struct node_pair
acquainted(void)
{
	struct node_pair p = started();

	hear_state(&p, ELECTION_INIT, 0);
	assert_string_equal(asked(&p), "challenge");
	node_pair_acquaint(&p);
	return p;
}

static struct node_pair
backup(void)
{
	struct node_pair p = acquainted();

	hear_state(&p, ELECTION_MASTER, 3);
	assert_string_equal(asked(&p), "expect say say [state] [heard]");
	p.now_ms += 10;
	return p;
}

static struct node_pair
master(void)
{
	struct node_pair p = acquainted();

	hear_state(&p, ELECTION_BACKUP, 3);
	assert_string_equal(
	    asked(&p), "expect say say add announce tickle [state] [heard]");
	node_pair_put(
	    &p, &(struct node_event){ .type = NODE_USABLE, .usable = true });
	assert_string_equal(asked(&p), "say");
	p.now_ms += 10;
	return p;
}

static struct node_pair
hinted(void)
{
	struct node_pair p = backup();

	node_pair_put_type(&p, NODE_PEER_ENDED);
	assert_string_equal(asked(&p), "challenge");
	return p;
}

static struct node_pair
asked_twice(void)
{
	struct node_pair p = hinted();

	p.now_ms += 3;
	node_pair_put_type(&p, NODE_TICK);
	p.now_ms -= 3;
	return p;
}

/* It was heard a moment before. */
static struct node_pair
asked_thrice(void)
{
	struct node_pair p = backup();

	hear_state(&p, ELECTION_MASTER, 3);
	node_pair_put_type(&p, NODE_PEER_ENDED);
	for (int i = 0; i < 2; i++) {
		p.now_ms += 3;
		node_pair_put_type(&p, NODE_TICK);
		assert_string_equal(asked(&p), "challenge");
	}
	p.now_ms -= 6;
	return p;
}

/* Somebody else had said so: it lives, and says it. */
static struct node_pair
refuted(void)
{
	struct node_pair p = hinted();

	p.now_ms++;
	hear_state(&p, ELECTION_MASTER, 3);
	p.now_ms--;
	return p;
}

static struct node_pair
without_relay(void)
{
	struct node_pair p = master();

	node_pair_put_type(&p, NODE_RELAY_GONE);
	return p;
}

static struct node_pair
muting(void)
{
	struct node_pair p = master();

	node_pair_put_type(&p, NODE_HAND_OVER);
	assert_string_equal(asked(&p), "hold hush [begun]");
	return p;
}

static struct node_pair
asking(void)
{
	struct node_pair p = muting();

	node_pair_put_type(&p, NODE_MUTED);
	assert_string_equal(asked(&p), "");
	p.now_ms += 20;
	node_pair_put_type(&p, NODE_TICK);
	assert_string_equal(asked(&p), "say");
	return p;
}

static struct node_pair
releasing(void)
{
	struct node_pair p = asking();

	hear_state(&p, ELECTION_MASTER, 5);
	assert_string_equal(asked(&p),
	    "end-announcing hold drop say end-tickling [state] forward "
	    "[heard]");
	return p;
}

#define FAULT(why)                                                             \
	{                                                                      \
		.type = NODE_FAULT, .fault = {.reason = (why) }                \
	}
#define FAILED(effect)                                                         \
	{                                                                      \
		.type = NODE_FAILED, .failed = {.what = (effect) }             \
	}
#define SHOWN(by)                                                              \
	{                                                                      \
		.type = NODE_SHOWN, .shown = {.mac = { [5] = (by) } }          \
	}

/* What each event asks for, `after_ms` after the state was reached. */
static const struct row {
	const char *name;
	struct node_pair (*from)(void);
	int64_t after_ms;
	struct node_event ev;
	const char *asked;
	enum election_state to;
} rows[] = {
	{ "the peer's processes are said to end: it is asked", backup, 0,
	    { .type = NODE_PEER_ENDED }, "challenge", ELECTION_BACKUP },
	{ "... once", hinted, 0, { .type = NODE_PEER_ENDED }, "",
	    ELECTION_BACKUP },
	{ "... and again", hinted, 3, { .type = NODE_TICK }, "challenge",
	    ELECTION_BACKUP },
	{ "it has not answered, but its heartbeat is not due", asked_twice, 6,
	    { .type = NODE_TICK }, "challenge", ELECTION_BACKUP },
	{ "nor came that", asked_twice, 10, { .type = NODE_TICK },
	    "[ended] say add announce tickle [state]", ELECTION_MASTER },
	{ "asked three times, and not due for long", asked_thrice, 8,
	    { .type = NODE_TICK }, "", ELECTION_BACKUP },
	{ "three answers that were due are missing", asked_thrice, 9,
	    { .type = NODE_TICK }, "[ended] say add announce tickle [state]",
	    ELECTION_MASTER },
	{ "it has", refuted, 8, { .type = NODE_TICK }, "", ELECTION_BACKUP },
	{ "it was silent before: much memory is freed", backup, 400,
	    { .type = NODE_PEER_ENDED }, "challenge", ELECTION_BACKUP },
	{ "... or a firewall rejects", backup, 600, { .type = NODE_PEER_ENDED },
	    "", ELECTION_BACKUP },
	{ "it has, and is said to end again", refuted, 2,
	    { .type = NODE_PEER_ENDED }, "challenge", ELECTION_BACKUP },
	{ "the peer is silent: the network is asked", backup, 55,
	    { .type = NODE_TICK }, "probe", ELECTION_BACKUP },
	{ "woken early", backup, 20, { .type = NODE_TICK }, "",
	    ELECTION_BACKUP },
	{ "a fault of a backup", backup, 0, FAULT(ELECTION_INTERFACE_DOWN),
	    "say [state]", ELECTION_FAULT },
	{ "a fault, the relay can be waited for", master, 0,
	    FAULT(ELECTION_INTERFACE_DOWN),
	    "end-announcing hold hush say end-tickling [state]",
	    ELECTION_FAULT },
	{ "a fault, there is no relay", without_relay, 0,
	    FAULT(ELECTION_INTERFACE_DOWN),
	    "end-announcing delete say end-tickling [state]", ELECTION_FAULT },
	{ "the relay is not back in time", without_relay, 0,
	    { .type = NODE_RELAY_OVERDUE },
	    "end-announcing delete say end-tickling [state]", ELECTION_FAULT },
	{ "stood still: drops first, waits for nobody", master, 990,
	    { .type = NODE_CLOCK },
	    "end-announcing delete say end-tickling [state] say [stall]",
	    ELECTION_INIT },
	{ "in time", master, 20, { .type = NODE_CLOCK }, "", ELECTION_MASTER },
	{ "the end", master, 0, { .type = NODE_STOP },
	    "end-announcing delete say end-tickling [state] say say",
	    ELECTION_FAULT },
	{ "the end of a backup", backup, 0, { .type = NODE_STOP },
	    "say [state] say say", ELECTION_FAULT },
	{ "an address is gone", master, 0, { .type = NODE_LOST },
	    "renew announce", ELECTION_MASTER },
	{ "of a backup it is none of its business", backup, 0,
	    { .type = NODE_LOST }, "", ELECTION_BACKUP },
	{ "on its way out it stays away", releasing, 0, { .type = NODE_LOST },
	    "", ELECTION_BACKUP },
	{ "an address is refused", master, 0, FAILED(NODE_DO_ADD),
	    "end-announcing hold hush say end-tickling [state]",
	    ELECTION_FAULT },
	{ "renewing is refused to who let go", backup, 0, FAILED(NODE_DO_RENEW),
	    "", ELECTION_BACKUP },
	{ "a third host shows our address", master, 0, SHOWN(9),
	    "announce [state]", ELECTION_MASTER },
	{ "the peer does, and is heard", master, 0, SHOWN(2), "",
	    ELECTION_MASTER },
	{ "the peer knows of connections to what we have", master, 0,
	    { .type = NODE_CONNECTED }, "tickle-more", ELECTION_MASTER },
	{ "to what it has itself", backup, 0, { .type = NODE_CONNECTED }, "",
	    ELECTION_BACKUP },
	{ "to what we hand over to it", asking, 0, { .type = NODE_CONNECTED },
	    "", ELECTION_MASTER },
	{ "who is no master has nothing to give", backup, 0,
	    { .type = NODE_HAND_OVER }, "[refused]", ELECTION_BACKUP },
	{ "a handover without a relay", without_relay, 0,
	    { .type = NODE_HAND_OVER }, "[refused]", ELECTION_MASTER },
	{ "a handover to who is not heard", master, 100,
	    { .type = NODE_HAND_OVER }, "[refused]", ELECTION_MASTER },
	{ "wanted again while it goes on", muting, 0,
	    { .type = NODE_HAND_OVER }, "", ELECTION_MASTER },
	{ "the supervisor refuses to hush", muting, 0, FAILED(NODE_DO_MUTE),
	    "answer [outcome]", ELECTION_MASTER },
	{ "nobody says that they are hushed", muting, 100,
	    { .type = NODE_TICK }, "answer [outcome] probe", ELECTION_MASTER },
	{ "the relay dies while the peer is asked", asking, 0,
	    { .type = NODE_RELAY_GONE }, "say announce answer [outcome]",
	    ELECTION_MASTER },
	{ "the peer does not claim", asking, 500, { .type = NODE_TICK },
	    "say announce answer [outcome] probe", ELECTION_MASTER },
	{ "the peer's processes end while it is asked", asking, 0,
	    { .type = NODE_PEER_ENDED }, "challenge", ELECTION_MASTER },
	{ "all are reset", releasing, 0, { .type = NODE_WAS_RESET },
	    "delete say answer [outcome]", ELECTION_BACKUP },
	{ "the relay can't be asked", releasing, 0, FAILED(NODE_DO_RESET),
	    "delete say answer [outcome]", ELECTION_BACKUP },
	{ "the end does not wait for the relay", releasing, 0,
	    { .type = NODE_STOP },
	    "delete say answer let-go [outcome] say [state] say say",
	    ELECTION_FAULT },
};

static void
each_event_has_its_effects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct node_pair p = r->from();

		p.now_ms += r->after_ms;
		node_pair_put(&p, &r->ev);
		if (strcmp(asked(&p), r->asked) != 0 ||
		    p.node.groups[0].election.state != r->to)
			fail_msg("%s: %s, %s", r->name, asked(&p),
			    election_state_name(
			        p.node.groups[0].election.state));
	}
}

/* A dry run says what the wish itself would be told, and changes nothing. */
static void
what_speaks_against_a_handover_is_known_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		struct node_pair p;
		enum handover_outcome objection, told = HANDOVER_UNDECIDED;

		if (r->ev.type != NODE_HAND_OVER)
			continue;
		test_row(r->name);
		p = r->from();
		p.now_ms += r->after_ms;
		objection =
		    node_view_objection(&p.node, 0, node_pair_now(&p).mono);
		node_pair_put(&p, &r->ev);
		for (unsigned k = 0; k < p.out.n; k++)
			if (p.out.effects[k].type == NODE_TELL_REFUSED)
				told = p.out.effects[k].outcome;
		assert_int_equal(objection, told);
		assert_int_equal(
		    objection == HANDOVER_UNDECIDED, *r->asked == '\0');
	}
}

static bool
is_third(const struct node_pair *p, uint8_t last)
{
	const uint8_t mac[HELLO_MAC_BYTES] = { [5] = last };

	return node_view_is_third(&p->node, 0, 0, mac, node_pair_now(p).mono);
}

/* For who asks for `status` on the backup; it decides nothing there. */
static void
beside_a_master_a_third_host_is_known(void **state)
{
	const uint8_t peers[HELLO_MAC_BYTES] = { [5] = 2 };
	struct node_pair p = backup();

	(void)state;
	assert_true(is_third(&p, 9));
	assert_false(is_third(&p, 2)); /* the peer's, by its word */
	assert_false(is_third(&p, 0)); /* it does not say who it is */
	assert_true(node_view_is_peers(&p.node.groups[0], peers));
	/* Who is silent may have other hardware by now. */
	p.now_ms += 1000;
	assert_false(is_third(&p, 9));
	p = master();
	assert_false(is_third(&p, 9));
}

static void
a_word_that_was_not_heard_is_said_again(void **state)
{
	struct node_pair p = releasing();

	(void)state;
	node_pair_put_type(&p, NODE_WAS_RESET);
	node_pair_put(&p, &(struct node_event)FAILED(NODE_DO_ANSWER));
	assert_string_equal(asked(&p), "");
	node_pair_put_type(&p, NODE_BEAT);
	assert_string_equal(asked(&p), "say answer");
	node_pair_put_type(&p, NODE_BEAT);
	assert_string_equal(asked(&p), "say");
}

static void
of_several_faults_the_first_is_told_and_the_last_ends_it(void **state)
{
	struct node_pair p = backup();
	struct node_event interface = FAULT(ELECTION_INTERFACE_DOWN);
	struct node_event track = { .type = NODE_TRACKED,
		.group = NODE_EVERY,
		.tracked = { .lowered = 30,
		    .faults = 1,
		    .reason = ELECTION_TRACK_SERVICE,
		    .which = 2 } };

	(void)state;
	node_pair_put(&p, &track);
	assert_string_equal(asked(&p), "[priority] say [state]");
	assert_int_equal(p.node.groups[0].election.priority, 70);
	assert_int_equal(p.out.effects[2].change.which, 2);
	node_pair_put(&p, &interface);
	assert_string_equal(asked(&p), "[state]");
	assert_int_equal(
	    p.out.effects[0].change.reason, ELECTION_INTERFACE_DOWN);
	track.tracked.faults = 0;
	node_pair_put(&p, &track);
	assert_string_equal(asked(&p), "");
	interface.fault.reason = ELECTION_RECOVERED;
	node_pair_put(&p, &interface);
	assert_string_equal(asked(&p), "say [state]");
	assert_int_equal(p.node.groups[0].election.state, ELECTION_INIT);
}

static void
it_says_what_it_holds_and_who_it_is(void **state)
{
	struct node_pair p = master();
	struct node_now now = node_pair_now(&p);
	struct hello h;

	(void)state;
	node_speak(&p.node, HELLO_BEAT, &now, &h);
	assert_true(h.groups[0].held && !h.resigning);
	assert_int_equal(h.groups[0].state, ELECTION_MASTER);
	assert_int_equal(h.groups[0].term, 4);
	p.now_ms += 59;
	now = node_pair_now(&p);
	assert_false(node_is_late(&p.node, &now));
	now.boot = mono_add_ms(now.boot, 1); /* the host slept */
	assert_true(node_is_late(&p.node, &now));
	node_pair_put_type(&p, NODE_STOP);
	node_speak(&p.node, HELLO_BEAT, &now, &h);
	assert_true(!h.groups[0].held && h.resigning);
}

static void
strangers_are_answered_now_and_then(void **state)
{
	struct node_pair p = started();

	(void)state;
	hear_state(&p, ELECTION_MASTER, 3);
	assert_string_equal(asked(&p), "challenge");
	p.now_ms += 4;
	hear_state(&p, ELECTION_MASTER, 3);
	assert_string_equal(asked(&p), "");
	p.now_ms += 1;
	hear_state(&p, ELECTION_MASTER, 3);
	assert_string_equal(asked(&p), "challenge");
	assert_int_equal(p.node.groups[0].election.state, ELECTION_INIT);
}

/* Its file calls the group something else: it is not free for that. */
static void
a_group_that_the_peer_does_not_know_is_asked_about(void **state)
{
	struct node_pair p = backup();

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct node_event ev = { .type = NODE_HELLO,
			.hello = { .said = { .type = HELLO_BEAT,
			               .interval_ms = 20,
			               .misses = 3,
			               .n_groups = 0 },
			    .fresh = 99 } };

		p.now_ms += 20;
		peer_stamp(&p.peer, &ev.hello.said, 60, node_pair_now(&p).mono);
		node_pair_put(&p, &ev);
		assert_string_equal(asked(&p), "[heard]");
	}
	assert_int_equal(p.node.groups[0].election.state, ELECTION_BACKUP);
	p.now_ms += 20;
	node_pair_put_type(&p, NODE_TICK);
	assert_string_equal(asked(&p), "probe");
}

/* Nobody waits for the resets of a relay that is gone. */
static void
connections_end_with_their_relay(void **state)
{
	struct node_pair p = master();

	(void)state;
	p.node.connections = 9000;
	node_pair_put_type(&p, NODE_RELAY_GONE);
	assert_int_equal(p.node.connections, 0);
}

static void
effects_that_a_stall_has_undone_are_not_due(void **state)
{
	struct node_pair p = backup();
	const struct node_effect add = { .type = NODE_DO_ADD };
	const struct node_effect mute = { .type = NODE_DO_MUTE };

	(void)state;
	node_pair_put_type(&p, NODE_PEER_ENDED);
	for (unsigned i = 0; i < 5; i++) {
		p.now_ms += 4;
		node_pair_put_type(&p, NODE_TICK);
	}
	assert_true(node_is_due(&p.node, &add));
	assert_false(node_is_due(&p.node, &mute));
	p.now_ms += 2000;
	node_pair_put_type(&p, NODE_CLOCK);
	assert_false(node_is_due(&p.node, &add));
	p = muting();
	assert_true(node_is_due(&p.node, &mute));
}

static void
a_process_that_has_given_away_lingers(void **state)
{
	struct node_pair p = releasing();

	(void)state;
	assert_int_equal(node_lingers_ms(&p.node, node_pair_now(&p).mono), 0);
	node_pair_put_type(&p, NODE_WAS_RESET);
	assert_int_equal(node_lingers_ms(&p.node, node_pair_now(&p).mono), 150);
	p.now_ms += 100;
	assert_int_equal(node_lingers_ms(&p.node, node_pair_now(&p).mono), 50);
	/* It still sends on what comes, and needs not stay for that. */
	p.now_ms += 51;
	assert_int_equal(node_lingers_ms(&p.node, node_pair_now(&p).mono), 0);
	p.now_ms += 700;
	assert_int_equal(node_lingers_ms(&p.node, node_pair_now(&p).mono), 0);
}

/* They are told at once, so that the peer may sign with the new one. */
static void
other_keys_are_told_and_used(void **state)
{
	struct node_pair p = backup();
	struct node_event ev = { .type = NODE_KEYS, .keys = { 9, 7 } };
	const struct node_now now = node_pair_now(&p);
	struct hello h;

	(void)state;
	node_pair_put(&p, &ev);
	assert_string_equal(asked(&p), "say");
	node_speak(&p.node, HELLO_BEAT, &now, &h);
	assert_true(h.keys[0] == 9 && h.keys[1] == 7);
	assert_true(h.keys[h.key] == 7);
	p.peer.config.keys[0] = 9;
	hear_state(&p, ELECTION_MASTER, 3);
	node_speak(&p.node, HELLO_BEAT, &now, &h);
	assert_true(h.keys[h.key] == 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_has_its_effects),
		cmocka_unit_test(
		    what_speaks_against_a_handover_is_known_before),
		cmocka_unit_test(beside_a_master_a_third_host_is_known),
		cmocka_unit_test(a_word_that_was_not_heard_is_said_again),
		cmocka_unit_test(
		    of_several_faults_the_first_is_told_and_the_last_ends_it),
		cmocka_unit_test(it_says_what_it_holds_and_who_it_is),
		cmocka_unit_test(strangers_are_answered_now_and_then),
		cmocka_unit_test(
		    a_group_that_the_peer_does_not_know_is_asked_about),
		cmocka_unit_test(connections_end_with_their_relay),
		cmocka_unit_test(effects_that_a_stall_has_undone_are_not_due),
		cmocka_unit_test(a_process_that_has_given_away_lingers),
		cmocka_unit_test(other_keys_are_told_and_used),
	};

	TEST_MAIN(tests);
}

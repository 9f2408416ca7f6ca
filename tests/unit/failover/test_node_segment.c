#include "failover/election/node.h"
#include "tests/lib/test.h"

#include <string.h>

/*
 * Two nodes that hear each other by a cable, and a group on two networks, which
 * the rows take away from them. One clock; what is said arrives at once.
 */
#define NETWORKS 2
#define CABLE NETWORKS /* its path */
#define CUT_MS 5000
#define END_MS 8000

enum harm {
	NONE,
	OFF,   /* nothing gets through, either way */
	DEAF,  /* nothing to it */
	MUTE,  /* nothing from it */
	APART, /* from the other node alone, and its addresses */
};

struct world {
	struct node nodes[2];
	enum harm harms[2][NETWORKS];
	bool others[NETWORKS]; /* are there, and answer */
	bool arp_alone;        /* no heartbeats there: a network filters them */
	bool hangs;            /* the first node, but for its kernel */
	bool stranger[NETWORKS]; /* who answers there is a third host */
	bool preempt;
	int64_t now_ms, moved_ms;
	unsigned moves;
};

static struct node_now
moment(const struct world *w)
{
	const struct mono m = mono_add_ms((struct mono){ 0 }, w->now_ms);

	return (struct node_now){ m, m };
}

static bool
leaves(const struct world *w, unsigned i, unsigned k)
{
	return w->harms[i][k] != OFF && w->harms[i][k] != MUTE;
}

static bool
arrives(const struct world *w, unsigned i, unsigned k)
{
	return w->harms[i][k] != OFF && w->harms[i][k] != DEAF;
}

static bool
is_joined(const struct world *w, unsigned from, unsigned k)
{
	return leaves(w, from, k) && arrives(w, 1 - from, k) &&
	    w->harms[0][k] != APART && w->harms[1][k] != APART;
}

static void
note_moved(struct world *w)
{
	w->moves++;
	w->moved_ms = w->now_ms - CUT_MS;
}

/* Each interface of each node has its own. */
static uint8_t
hardware(unsigned i, unsigned k)
{
	return (uint8_t)(1 + i * NETWORKS + k);
}

static void put(struct world *w, unsigned i, const struct node_event *ev);

static void
say(struct world *w, unsigned i, enum hello_type type)
{
	const struct node_now now = moment(w);
	struct node_event ev = { .type = NODE_HELLO };

	node_speak(&w->nodes[i], type, &now, &ev.hello.said);
	for (unsigned k = 0; k < NETWORKS; k++)
		ev.hello.said.groups[0].macs[k][5] = hardware(i, k);
	ev.hello.path = CABLE;
	put(w, 1 - i, &ev);
	for (unsigned k = 0; k < NETWORKS && !w->arp_alone; k++) {
		ev.hello.path = k;
		if (is_joined(w, i, k))
			put(w, 1 - i, &ev);
	}
}

static void
probe(struct world *w, unsigned i)
{
	for (unsigned k = 0; k < NETWORKS; k++) {
		struct node_event ev = { .type = NODE_SHOWN, .segment = k + 1 };

		if (!leaves(w, i, k) || !arrives(w, i, k))
			continue;
		ev.shown.mac[5] = w->stranger[k] ? 99 : hardware(1 - i, k);
		if (node_is_master(&w->nodes[1 - i], 0) && is_joined(w, i, k) &&
		    is_joined(w, 1 - i, k))
			put(w, i, &ev);
		ev = (struct node_event){ .type = NODE_SOMEBODY,
			.segment = k + 1 };
		if (w->others[k])
			put(w, i, &ev);
	}
}

static void
put(struct world *w, unsigned i, const struct node_event *ev)
{
	const struct node_event usable = { .type = NODE_USABLE,
		.usable = true };
	const struct node_now now = moment(w);
	struct node_out out;

	if (w->hangs && i == 0)
		return;
	node_step(&w->nodes[i], ev, &now, &out);
	for (unsigned e = 0; e < out.n; e++) {
		const enum node_effect_type type = out.effects[e].type;

		if (type == NODE_DO_SAY || type == NODE_DO_CHALLENGE)
			say(w, i,
			    type == NODE_DO_SAY ? HELLO_BEAT : HELLO_CHALLENGE);
		else if (type == NODE_DO_PROBE)
			probe(w, i);
		else if (type == NODE_DO_ADD)
			put(w, i, &usable);
		else if (type == NODE_TELL_STATE && w->now_ms > CUT_MS &&
		    out.effects[e].change.is == ELECTION_MASTER)
			note_moved(w);
	}
}

static void
put_type(struct world *w, unsigned i, enum node_type type)
{
	put(w, i, &(struct node_event){ .type = type });
}

static void
turn(struct world *w)
{
	w->now_ms++;
	for (unsigned i = w->hangs ? 1 : 0; i < 2; i++) {
		if (!mono_before(moment(w).mono, node_wake(&w->nodes[i])))
			put_type(w, i, NODE_TICK);
		if (w->now_ms % 20 == 7 * i)
			put_type(w, i, NODE_BEAT);
	}
}

static void
begin(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct election_config election = { .dead_ms = 60,
			.listen_ms = 1000,
			.doubt = { .hang_ms = 1000, .deaf_ms = 3000 },
			.priority = (uint8_t)(150 - 50 * i),
			.preempt = w->preempt };
		const struct node_config config = {
			.peer = { .keys = { 7 },
			    .self = i,
			    .other = 1 - i,
			    .boot = { { (uint8_t)(i + 1) } } },
			.interval_ms = 20,
			.misses = 3
		};

		node_init(&w->nodes[i], &config, 40 + i);
		node_add_group(
		    &w->nodes[i], 1, false, &election, moment(w).mono);
		for (unsigned k = 0; k < NETWORKS; k++)
			node_add_segment(&w->nodes[i], k, k);
	}
	for (unsigned i = 0; i < 2; i++)
		put_type(w, i, NODE_BEGIN);
}

static const struct row {
	const char *name;
	enum harm master[NETWORKS], backup[NETWORKS];
	bool nobody; /* else is on the networks */
	bool arp_alone;
	bool moves;
} rows[] = {
	{ .name = "nothing happens" },
	{ .name = "the master's network is dead",
	    .master = { OFF, OFF },
	    .moves = true },
	{ .name = "one of the master's two",
	    .master = { NONE, OFF },
	    .moves = true },
	{ .name = "the other one", .master = { OFF, NONE }, .moves = true },
	{ .name = "the master is deaf",
	    .master = { DEAF, NONE },
	    .moves = true },
	{ .name = "the master is mute",
	    .master = { NONE, MUTE },
	    .moves = true },
	{ .name = "the backup's network is dead", .backup = { OFF, OFF } },
	{ .name = "one of the backup's two", .backup = { NONE, OFF } },
	{ .name = "the backup is deaf", .backup = { DEAF, DEAF } },
	{ .name = "the backup is mute", .backup = { MUTE, MUTE } },
	{ .name = "both lose one, the same",
	    .master = { OFF, NONE },
	    .backup = { OFF, NONE } },
	{ .name = "both lose one, each another",
	    .master = { OFF, NONE },
	    .backup = { NONE, OFF } },
	{ .name = "each is mute on another",
	    .master = { MUTE, NONE },
	    .backup = { NONE, MUTE } },
	{ .name = "the network comes apart between them",
	    .master = { APART, APART } },
	{ .name = "nobody else is there, and it dies",
	    .master = { OFF, OFF },
	    .nobody = true },
	{ .name = "heartbeats do not pass there", .arp_alone = true },
	{ .name = "... and the master's network dies",
	    .master = { NONE, OFF },
	    .arp_alone = true,
	    .moves = true },
};

static void
run_row(const struct row *row, bool preempt)
{
	struct world w = { .now_ms = 1000, .preempt = preempt };
	const unsigned holder = row->moves ? 1 : 0;

	w.arp_alone = row->arp_alone;
	w.others[0] = w.others[1] = !row->nobody;
	begin(&w);
	while (w.now_ms < CUT_MS)
		turn(&w);
	assert_true(node_is_master(&w.nodes[0], 0));
	assert_false(node_is_master(&w.nodes[1], 0));
	memcpy(w.harms[0], row->master, sizeof(w.harms[0]));
	memcpy(w.harms[1], row->backup, sizeof(w.harms[1]));
	while (w.now_ms < END_MS)
		turn(&w);
	if (!node_is_master(&w.nodes[holder], 0) ||
	    node_is_master(&w.nodes[1 - holder], 0) || w.moves != row->moves)
		fail_msg("%s: another holds it", row->name);
	if (w.moved_ms > 160)
		fail_msg("%s: after %d ms", row->name, (int)w.moved_ms);
	if (preempt)
		return; /* what follows is another matter */
	/* All is well again: who has it keeps it, and nobody is ill. */
	memset(w.harms, 0, sizeof(w.harms));
	while (w.now_ms < END_MS + 3000)
		turn(&w);
	if (!node_is_master(&w.nodes[holder], 0) ||
	    w.nodes[1 - holder].groups[0].election.state != ELECTION_BACKUP)
		fail_msg("%s: and not for good", row->name);
}

static void
who_is_cut_off_leaves_it_to_who_is_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run_row(&rows[i], false);
		run_row(&rows[i], true);
	}
}

/* The master's own port: no later than without a cable. */
static void
it_takes_no_longer_than_silence_would(void **state)
{
	struct world w = { .now_ms = 1000, .others = { true, true } };

	(void)state;
	begin(&w);
	while (w.now_ms < CUT_MS)
		turn(&w);
	w.harms[0][0] = w.harms[0][1] = OFF;
	while (w.now_ms < END_MS)
		turn(&w);
	assert_in_range(w.moved_ms, 1, 80);
}

/* Its kernel answers on each network, from the hardware it has there. */
static void
a_master_that_hangs_is_no_third_host(void **state)
{
	(void)state;
	for (unsigned stranger = 0; stranger <= NETWORKS; stranger++) {
		struct world w = { .now_ms = 1000, .others = { true, true } };

		begin(&w);
		while (w.now_ms < CUT_MS)
			turn(&w);
		w.hangs = true;
		if (stranger < NETWORKS)
			w.stranger[stranger] = true;
		while (w.now_ms < CUT_MS + 200)
			turn(&w);
		assert_int_equal(w.nodes[1].groups[0].election.doubt.last,
		    stranger < NETWORKS ? SUSPECT_CONFLICT : SUSPECT_HOLDS);
	}
}

/* The peer's file may have them in another order. */
static void
an_interface_is_known_by_its_place(void **state)
{
	struct world w = { .now_ms = 1000, .others = { true, true } };
	const struct node_group *g = &w.nodes[0].groups[0];

	(void)state;
	begin(&w);
	w.nodes[0].groups[0].places[0] = 1;
	w.nodes[0].groups[0].places[1] = 0;
	while (w.now_ms < CUT_MS)
		turn(&w);
	assert_int_equal(g->peer_macs[0][5], hardware(1, 1));
	assert_int_equal(g->peer_macs[1][5], hardware(1, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_cut_off_leaves_it_to_who_is_not),
		cmocka_unit_test(it_takes_no_longer_than_silence_would),
		cmocka_unit_test(a_master_that_hangs_is_no_third_host),
		cmocka_unit_test(an_interface_is_known_by_its_place),
	};

	TEST_MAIN(tests);
}

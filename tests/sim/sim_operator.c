/*
 * A pair (world.h) under what operators do. Moves are paused, on either node,
 * and then the network is worked on: it is cut, lossy, slow, deaf or without a
 * carrier, towards one node or both. When that is done, and moves are paused
 * still, processes end, and somebody says so who lies. And the pair's key is
 * changed, step by step, by whichever node is first. What must hold:
 *
 *   1. while moves are paused whoever has the address has it, and nobody else
 *   2. both nodes know of a pause, and of its end, soon after they hear each
 *      other
 *   3. when all is well again there is one master within NONE_MS
 *   4. a change of keys alone moves nothing, and both nodes hear each other on
 *   5. in a pause the end of a master's processes moves the address within
 *      KNOWN_MS, since its kernel tells of it; the end of a failover that is
 *      started again does not, nor that of a backup, nor a host that falls
 *      silent
 *   6. ... nor what is said of a peer that lives, and is heard
 *
 *	sim_operator [SEEDS [FIRST_SEED]]
 */

#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SEEDS 200
#define ROUNDS 6

/* As in sim_failover.c, where each of its parts is counted. */
#define NONE_MS 4000
/* A hello that is lost, or late, and the next. */
#define KNOWN_MS 300

/* The steps of a change, from both have one to both have the other. */
#define STEPS 4

struct run {
	struct sim *s;
	uint64_t old, new;    /* keys */
	unsigned step, first; /* of the change; the node that begins */
	uint64_t changes, pauses, harms;
	uint64_t lies, ends, moves; /* of processes, and what they moved */
};

static void
run_for(struct run *o, int64_t ms)
{
	const int64_t end_ms = o->s->now_ms + ms;

	for (; o->s->now_ms < end_ms; o->s->turn++) {
		if (world_below(o->s, 40) == 0)
			world_replay(o->s);
		world_turn(o->s);
	}
}

/* Into its key file, and the node reads it. */
static void
put_keys(struct run *o, unsigned i, uint64_t first, uint64_t second)
{
	struct host *h = &o->s->hosts[i];

	h->keys[0] = first;
	h->keys[1] = second;
	inbox_put(&h->inbox,
	    &(struct node_event){
	        .type = NODE_KEYS, .keys = { first, second } });
}

static void
change_keys(struct run *o)
{
	const unsigned a = o->first, b = 1 - a;

	if (o->step == 0)
		put_keys(o, a, o->new, o->old);
	else if (o->step == 1)
		put_keys(o, b, o->new, o->old);
	else if (o->step == 2)
		put_keys(o, world_percent(o->s, 50) ? a : b, o->new, 0);
	else
		for (unsigned i = 0; i < 2; i++)
			put_keys(o, i, o->new, 0);
	o->changes++;
	o->step = (o->step + 1) % STEPS;
	if (o->step != 0)
		return;
	o->old = o->new ++;
	o->first = world_below(o->s, 2);
}

static void
harm(struct run *o)
{
	struct sim *s = o->s;
	const unsigned i = world_below(s, 2);

	o->harms++;
	switch (world_below(s, 8)) {
	case 0:
		s->cut[i] = !s->cut[i];
		break;
	case 1:
		s->cut[0] = s->cut[1] = !s->cut[0];
		break;
	case 2:
		s->mute = !s->mute;
		break;
	case 3:
		s->filtered[i] = !s->filtered[i];
		break;
	case 4:
		s->loss_percent = world_below(s, 80);
		break;
	case 5:
		s->delay_ms = world_below(s, DELAY_MAX_MS);
		break;
	case 6:
		world_set_fault(s, i, !s->hosts[i].faulted);
		break;
	case 7:
		world_set_lowered(s, i, s->hosts[i].lowered != 0 ? 0 : 60);
		break;
	}
}

static void
calm_down(struct sim *s)
{
	world_mend_network(s);
	s->delay_ms = 0;
	for (unsigned i = 0; i < 2; i++) {
		world_set_fault(s, i, false);
		world_set_lowered(s, i, 0);
	}
}

/* The one that has it; it is a fault where none has, or both. */
static unsigned
holder(const struct run *o, const char *when)
{
	const struct host *h = o->s->hosts;

	if (h[0].held == h[1].held)
		world_fail(o->s, "%s: %s", when,
		    h[0].held ? "2 masters" : "no master");
	return h[0].held ? 0 : 1;
}

static void
check_paused(const struct run *o, bool paused)
{
	for (unsigned i = 0; i < 2; i++)
		if (world_node(o->s, i)->paused != paused)
			world_fail(o->s, "node %u: %s", i,
			    paused ? "knows of no pause" : "is paused still");
}

static void
say(struct run *o, uint32_t ms)
{
	inbox_put(&o->s->hosts[world_below(o->s, 2)].inbox,
	    &(struct node_event){ .type = NODE_PAUSE, .pause.ms = ms });
}

static void
work_on_the_network(struct run *o, int64_t ms)
{
	const unsigned master = holder(o, "at the start of a pause");
	const int64_t end_ms = o->s->now_ms + ms;

	while (o->s->now_ms < end_ms) {
		if (world_below(o->s, 5) == 0)
			harm(o);
		run_for(o, 1 + world_below(o->s, 200));
		if (holder(o, "in a pause") != master)
			world_fail(o->s, "moved in a pause");
	}
	calm_down(o->s);
}

/* For so long this node has it, and nobody else. */
static void
stay(struct run *o, unsigned master, int64_t ms, const char *why)
{
	const int64_t end_ms = o->s->now_ms + ms;

	while (o->s->now_ms < end_ms) {
		run_for(o, 1);
		if (holder(o, why) != master)
			world_fail(o->s, "%s: moved in a pause", why);
	}
}

/* Who has it is of no matter here: its kernel may keep a lease for a while. */
static void
wait_for_move(struct run *o, const struct host *dead, const struct host *other)
{
	const int64_t end_ms = o->s->now_ms + KNOWN_MS;

	if (dead->reborn_ms <= end_ms)
		return; /* before that is known: it is heard anew, and waits */
	run_for(o, KNOWN_MS);
	if (!other->held)
		world_fail(o->s, "processes ended, and nothing moved");
	o->moves++;
	run_for(o, dead->reborn_ms - end_ms + NONE_MS);
	if (holder(o, "after processes ended") != other->index)
		world_fail(o->s, "moved back in a pause");
}

static void
wait_for_host(struct run *o, const struct host *dead, const struct host *other)
{
	while (o->s->now_ms < dead->reborn_ms) {
		if (other->held)
			world_fail(o->s, "a silence moved it in a pause");
		run_for(o, 1);
	}
}

static void
end_processes(struct run *o)
{
	struct sim *s = o->s;
	const unsigned master = holder(o, "before processes end");
	const unsigned i = world_below(s, 2);
	const struct host *dead = &s->hosts[i], *other = &s->hosts[1 - i];

	o->ends++;
	world_kill(s, i);
	if (i != master || dead->restorable)
		stay(o, master, 3000, "after a restart");
	else if (dead->dark)
		wait_for_host(o, dead, other);
	else
		wait_for_move(o, dead, other);
	run_for(o, NONE_MS);
	check_paused(o, true);
	(void)holder(o, "after an end in a pause");
}

/* Whoever can send a packet can say that the peer has ended. */
static void
lie(struct run *o)
{
	const unsigned master = holder(o, "before a lie");

	o->lies++;
	inbox_put_type(
	    &o->s->hosts[world_below(o->s, 2)].inbox, NODE_PEER_ENDED);
	stay(o, master, 1 + world_below(o->s, 100), "after a lie");
}

/* The network is well again, and both nodes hear each other. */
static void
work_on_the_hosts(struct run *o)
{
	run_for(o, KNOWN_MS);
	for (unsigned n = world_below(o->s, 4); n > 0; n--) {
		if (world_percent(o->s, 50))
			lie(o);
		else
			end_processes(o);
	}
}

static void
pause_moves(struct run *o)
{
	const bool expires = world_percent(o->s, 50);
	const uint32_t ms = 2000 + world_below(o->s, 6000);

	o->pauses++;
	say(o, expires ? ms + KNOWN_MS : PAUSE_MOST_MS);
	run_for(o, KNOWN_MS / 2);
	check_paused(o, true);
	work_on_the_network(o, ms - KNOWN_MS);
	if (!expires) {
		work_on_the_hosts(o);
		say(o, 0);
	}
	run_for(o, NONE_MS);
	check_paused(o, false);
	(void)holder(o, "after a pause");
}

static void
change_a_step(struct run *o)
{
	const unsigned master = holder(o, "before a change of keys");

	change_keys(o);
	run_for(o, world_below(o->s, 100));
	for (unsigned i = 0; i < 2; i++)
		if (!peer_is_alive(&world_node(o->s, i)->peer,
		        node_dead_ms(world_node(o->s, i)), world_now(o->s)))
			world_fail(o->s, "node %u: a key made it deaf", i);
	if (holder(o, "after a change of keys") != master)
		world_fail(o->s, "a change of keys moved it");
}

static void
look_nowhere(struct sim *s)
{
}

int
main(int argc, char **argv)
{
	const uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 0) : SEEDS;
	const uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct run all = { .s = NULL };
	static struct sim s;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct run o = { .s = &s, .old = 7, .new = 8 };

		world_init(&s, seed);
		s.after_turn = look_nowhere;
		run_for(&o, NONE_MS);
		for (unsigned round = 0; round < ROUNDS; round++) {
			if (world_percent(&s, 50))
				pause_moves(&o);
			else
				change_a_step(&o);
		}
		all.changes += o.changes;
		all.pauses += o.pauses;
		all.harms += o.harms;
		all.lies += o.lies;
		all.ends += o.ends;
		all.moves += o.moves;
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " pauses with %" PRIu64
	       " faults of the network, %" PRIu64 " ends of processes, %" PRIu64
	       " of which moved it, %" PRIu64 " lies, %" PRIu64
	       " changes of keys: ok\n",
	    seeds, all.pauses, all.harms, all.ends, all.moves, all.lies,
	    all.changes);
	return 0;
}

/*
 * Every way that two nodes can go: all states that the real node can reach (its
 * inbox and node_step(): peer, election, handover, the look at its own clock),
 * breadth first, where at each step any heartbeat may be lost (two in a row at
 * most) or come late, and up to twice something happens: the network
 * parts or heals, a process stands still or goes on, dies or is started again,
 * an operator hands over, a supervisor or a relay does not answer. What must
 * hold in each of these states:
 *
 *   1. with both running and the network whole, two hold the addresses for
 *      twice BOTH steps at most: what a word takes that is lost twice and then
 *      late, and another that answers it
 *   2. ... and nobody for NONE at most
 *   3. nobody claims what the other's kernel has answered for, nor from a
 *      master that it hears
 *   4. who runs holds nothing that it has let go
 *   5. listeners are not muted for longer than MUTED steps, and clients are
 *      held or sent on only while a handover is under way
 *
 * One group, nobody else to ask, all reigns of one age, nothing tracked, no
 *address refused: those are the simulation's. A step is 5 ms, which is also the
 *interval; the times of a handover are shorter than real ones. Moments are kept
 *relative to now and forgotten once they make no difference, numbers of hellos
 *by their order alone, so that the states are finite.
 *
 *	model_pair [--break early|yield|keep|handover]
 */

#include "core/base.h"
#include "tests/model/model_state.h"
#include "tests/sim/broken.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOSSES 2

/* What chance may decide for one step. */
enum happening {
	NOTHING,
	PART_OR_HEAL,
	STOP_OR_GO,
	DIE_OR_START,
	HAND_OVER,
	NO_WORD,
	HAPPENINGS,
};

struct chance {
	enum happening happening;
	unsigned who;
	unsigned road[2]; /* towards each: 0 arrives, 1 late, 2 lost */
};

/* The one that is explored; inbox calls find it here. */
static struct model_state now;

static struct mono
at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void
look_at_clock(void *arg, struct node_now *ret_now)
{
	(void)arg;
	*ret_now = (struct node_now){ at(0), at(0) };
}

static void
probe(struct model_host *h)
{
	const struct model_host *other = &now.hosts[1 - h->index];
	struct node_event ev = { .type = NODE_SHOWN };

	if (now.parted)
		return;
	ev.shown.mac[0] = 1;
	ev.shown.own = true;
	inbox_put(model_state_inbox(h->index), &ev);
	ev.shown.own = false;
	if (other->held)
		inbox_put(model_state_inbox(h->index), &ev);
}

/* Whoever has the addresses answers, as long as its kernel does. */
static void
question(struct model_host *h)
{
	if (!now.parted && now.hosts[1 - h->index].held)
		inbox_put_type(model_state_inbox(h->index), NODE_LIVES);
}

static int
carry_out(void *arg, const struct node_effect *e, const struct node_now *t)
{
	struct model_host *h = arg;

	if (e->type == NODE_DO_SAY)
		node_speak(model_state_node(h->index),
		    h->challenges ? HELLO_CHALLENGE : HELLO_BEAT, t, &h->said);
	else if (e->type == NODE_DO_CHALLENGE)
		h->challenges = true; /* it speaks at each step anyway */
	else if (e->type == NODE_DO_PROBE)
		probe(h);
	else if (e->type == NODE_DO_QUESTION)
		question(h);
	else if (e->type == NODE_DO_ADD || e->type == NODE_DO_RENEW)
		h->held = true;
	else if (e->type == NODE_DO_DELETE)
		h->held = false;
	else if (e->type == NODE_DO_HOLD || e->type == NODE_DO_FORWARD)
		h->holds_clients = true;
	else if (e->type == NODE_DO_GIVE_BACK || e->type == NODE_DO_LET_GO)
		h->holds_clients = false;
	else if (e->type == NODE_DO_RESET)
		h->word_dropped = true;
	else if (e->type == NODE_DO_MUTE || e->type == NODE_DO_ANSWER) {
		h->word_mute = true;
		h->muted = e->type == NODE_DO_MUTE;
	}
	return 0;
}

static void
ignore_failed(void *arg, const struct node_event *ev)
{
	(void)arg;
	(void)ev;
}

static void
ignore_wake(void *arg, struct mono wake)
{
	(void)arg;
	(void)wake;
}

static const struct inbox_calls calls = { .clock = look_at_clock,
	.carry_out = carry_out,
	.failed = ignore_failed,
	.wake_at = ignore_wake };

/* Both probes of the doubt went out over a network that is whole. */
static void
check_claim(unsigned i, const struct node *before, const struct node *after,
    enum election_reason reason)
{
	const struct model_host *other = &now.hosts[1 - i];
	const struct peer *p = &before->peer;
	const bool asked = reason == ELECTION_NO_PEER ||
	    reason == ELECTION_PEER_SILENT || reason == ELECTION_PEER_IDLE ||
	    reason == ELECTION_PEER_RELEASED;

	if (asked && other->kept == MODEL_STATE_KEPT_MAX && other->held &&
	    now.whole == MODEL_STATE_BOTH)
		now.wrong = "claimed what the other's kernel answers for";
	if (reason != ELECTION_HANDED_OVER && !other->dead &&
	    after->groups[0].peer_state == ELECTION_MASTER &&
	    peer_is_alive(p, node_dead_ms(before), at(0)) &&
	    hello_boot_is_same(
	        &after->peer.boot, &model_state_node(1 - i)->config.peer.boot))
		now.wrong = "claimed from a master that it hears";
}

static void
watch(const struct node *before, const struct node *after,
    const struct node_event *ev, const struct node_out *out)
{
	(void)ev;
	for (unsigned e = 0; e < out->n; e++)
		if (out->effects[e].type == NODE_TELL_STATE &&
		    out->effects[e].change.is == ELECTION_MASTER &&
		    out->effects[e].change.was != ELECTION_MASTER)
			check_claim(after == model_state_node(1), before, after,
			    out->effects[e].change.reason);
}

static void
start_or_die(unsigned i)
{
	struct model_host *h = &now.hosts[i];

	if (h->dead) {
		model_state_start(&now, i);
		return;
	}
	h->dead = true;
	h->running = h->muted = h->holds_clients = false;
	if (!now.parted && now.hosts[1 - i].running)
		inbox_put_type(model_state_inbox(1 - i), NODE_PEER_ENDED);
}

/* False where it makes no sense, or is one too many. */
static bool
happen(const struct chance *c)
{
	struct model_host *h = &now.hosts[c->who];

	if (c->happening == NOTHING)
		return c->who == 0;
	if (now.budget == 0)
		return false;
	now.budget--;
	switch (c->happening) {
	case PART_OR_HEAL:
		now.parted = !now.parted;
		now.whole = 0;
		return c->who == 0;
	case STOP_OR_GO:
		if (h->dead)
			return false;
		h->running = !h->running;
		if (h->running)
			inbox_look(model_state_inbox(c->who));
		return true;
	case DIE_OR_START:
		start_or_die(c->who);
		return true;
	case HAND_OVER:
		if (!h->running || !node_is_master(model_state_node(c->who), 0))
			return false;
		now.over = -MODEL_STATE_BOTH; /* one is meant */
		inbox_put_type(model_state_inbox(c->who), NODE_HAND_OVER);
		return true;
	case NO_WORD:
		if (!h->running || !(h->word_mute || h->word_dropped))
			return false;
		h->word_mute = h->word_dropped = false;
		return true;
	case NOTHING:
	case HAPPENINGS:
		break;
	}
	return false;
}

/* Of the supervisor, the relay and the kernel, to what was asked of them. */
static void
hear_words(unsigned i)
{
	struct model_host *h = &now.hosts[i];
	struct inbox *inbox = model_state_inbox(i);
	const struct node_group *g = &model_state_node(i)->groups[0];
	const bool mute = h->word_mute, dropped = h->word_dropped;

	if (!h->running)
		return; /* they wait in its sockets */
	h->word_mute = h->word_dropped = false;
	if (mute)
		inbox_put_type(inbox, h->muted ? NODE_MUTED : NODE_ANSWERED);
	if (dropped)
		inbox_put_type(inbox, NODE_WAS_RESET);
	if (h->held && g->given && !g->usable)
		inbox_put(inbox,
		    &(struct node_event){
		        .type = NODE_USABLE, .usable = true });
}

static void
hear(unsigned i, const struct hello *h)
{
	struct node_event ev = { .type = NODE_HELLO };

	if (h->type == 0 || !now.hosts[i].running)
		return;
	ev.hello.said = *h;
	ev.hello.fresh = model_state_node(i)->peer.nonce + 1;
	inbox_put(model_state_inbox(i), &ev);
}

/* False where the road may not lose another one. */
static bool
carry(unsigned to, const struct hello *said, unsigned road)
{
	struct model_host *h = &now.hosts[to];
	const struct hello late = h->late;

	h->late.type = 0;
	hear(to, &late);
	if (now.parted || said->type == 0)
		return road == 0;
	switch (road) {
	case 0:
		hear(to, said);
		break;
	case 1:
		h->late = *said;
		break;
	default:
		if (h->lost == LOSSES)
			return false;
		h->lost++;
		return true;
	}
	h->lost = 0;
	return true;
}

static void
run_kernel(struct model_host *h)
{
	if (h->running)
		h->idle = 0;
	else if (h->idle < MODEL_STATE_LEASE)
		h->idle++;
	if (h->idle == MODEL_STATE_LEASE)
		h->held = false;
	if (!h->muted || !h->running)
		h->muted_steps = 0;
	else
		h->muted_steps++;
}

static void
speak(unsigned i)
{
	struct model_host *h = &now.hosts[i];

	h->said.type = 0;
	if (h->running)
		inbox_put_type(model_state_inbox(i), NODE_BEAT);
	h->challenges = false;
}

static bool
step(const struct chance *c)
{
	struct hello said[2];

	model_state_age(&now);
	if (!happen(c))
		return false;
	for (unsigned i = 0; i < 2; i++) {
		hear_words(i);
		speak(i);
		said[1 - i] = now.hosts[i].said;
	}
	for (unsigned i = 0; i < 2; i++)
		if (!carry(i, &said[i], c->road[i]))
			return false;
	for (unsigned i = 0; i < 2; i++)
		if (now.hosts[i].running &&
		    !mono_before(at(0), node_wake(model_state_node(i))))
			inbox_put_type(model_state_inbox(i), NODE_TICK);
	for (unsigned i = 0; i < 2; i++)
		run_kernel(&now.hosts[i]);
	if (!now.parted && now.whole < MODEL_STATE_BOTH)
		now.whole++;
	return true;
}

static bool
hands_over(unsigned i)
{
	return model_state_node(i)->groups[0].handover.state != HANDOVER_IDLE;
}

/* NULL, or what is wrong. Counts how long nobody held them. */
static const char *
judge(void)
{
	const struct model_host *a = &now.hosts[0], *b = &now.hosts[1];
	const bool both =
	    a->running && b->running && now.whole == MODEL_STATE_BOTH;

	if (now.wrong != NULL)
		return now.wrong;
	for (unsigned i = 0; i < 2; i++) {
		const struct model_host *h = &now.hosts[i];

		const struct node_group *g = &model_state_node(i)->groups[0];

		if (h->running && h->held && !g->given)
			return "holds what it has let go";
		if (h->muted_steps > MODEL_STATE_MUTED)
			return "listeners stay hushed";
		if (h->running && h->holds_clients &&
		    g->handover.state == HANDOVER_IDLE)
			return "clients are held, and no handover is";
	}
	if (a->held && b->held && both)
		now.over++;
	else if (now.over > 0 || !(hands_over(0) || hands_over(1)))
		now.over = 0;
	/* A deaf one yields, and is yielded to, only once it has heard. */
	if (now.over > 2 * MODEL_STATE_BOTH + MODEL_STATE_RELEASE)
		return "two nodes hold the addresses";
	if (a->held || b->held || !both)
		now.none = 0;
	else if (++now.none > MODEL_STATE_NONE)
		return "nobody holds the addresses";
	return NULL;
}

static void
tell_state(const struct model_state *s)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct model_host *h = &s->hosts[i];
		const struct node_group *g = &model_state_node(i)->groups[0];

		printf("%-7s term %u, %s%s%s%s%s",
		    election_state_name(g->election.state),
		    (unsigned)g->election.term,
		    handover_state_name(g->handover.state),
		    h->held ? " holds" : "",
		    h->dead          ? " dead"
		        : h->running ? ""
		                     : " stands still",
		    g->election.doubt.open ? " doubts" : "",
		    i == 0 ? " | " : "");
	}
	printf("%s\n", s->parted ? ", parted" : "");
}

static void
tell_story(const struct model_state_seen *last)
{
	if (last == NULL)
		return;
	tell_story(last->from);
	model_state_unpack(last, &now);
	tell_state(&now);
}

static void
fail(const struct model_state_seen *from, const char *wrong)
{
	static struct model_state end;
	static struct node nodes[2];

	end = now;
	for (unsigned i = 0; i < 2; i++)
		nodes[i] = *model_state_node(i);
	tell_story(from);
	for (unsigned i = 0; i < 2; i++)
		*model_state_node(i) = nodes[i];
	tell_state(&end);
	printf("model: %s\n", wrong);
	exit(1);
}

static uint64_t
explore(const struct model_state_seen *from)
{
	uint64_t steps = 0;

	model_state_unpack(from, &now);
	model_state_keep(&now);
	for (unsigned n = 0; n < HAPPENINGS * 2 * 9; n++) {
		const struct chance c = { .happening = n / 18,
			.who = n / 9 % 2,
			.road = { n % 3, n / 3 % 3 } };
		const char *wrong;

		/* Of what can't happen nothing is to be undone. */
		if (c.happening != NOTHING && from->budget == 0)
			break;
		model_state_restore(&now);
		if (!step(&c))
			continue;
		steps++;
		wrong = judge();
		if (wrong != NULL)
			fail(from, wrong);
		model_state_add(&now, from);
	}
	return steps;
}

int
main(int argc, char **argv)
{
	uint64_t steps = 0;

	if (argc == 3 &&
	    (strcmp(argv[1], "--break") != 0 || !broken_choose(argv[2]))) {
		printf("there is no rule '%s'\n", argv[2]);
		return 2;
	}
	if (argc == 3)
		model_state_go_deep();
	broken_watch(watch);
	model_state_begin(&now, &calls);
	model_state_add(&now, NULL);
	for (const struct model_state_seen *x;
	     (x = model_state_next()) != NULL;)
		steps += explore(x);
	printf("model: %u states, %" PRIu64 " steps: ok\n", model_state_count(),
	    steps);
	return 0;
}

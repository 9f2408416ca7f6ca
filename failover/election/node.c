#include "failover/election/node.h"

#include "core/version.h"
#include "failover/election/node_event.h"
#include "failover/election/node_group.h"
#include "failover/election/node_pause.h"
#include "failover/election/node_peer.h"
#include "failover/election/node_segment.h"
#include "failover/election/track_state.h"

#include <assert.h>
#include <string.h>

/* A resignation that is lost costs the clients dead_ms: say it thrice. */
#define RESIGN_REPEATS 2

/*
 * After an address has left, the peer announces it at 0, 20 and 100 ms: a
 * process that stops outlives the third, in case the others were lost.
 */
#define LINGER_MS 150

static uint32_t
own_dead_ms(const struct node *n)
{
	return (uint32_t)n->config.interval_ms * n->config.misses;
}

uint32_t
node_dead_ms(const struct node *n)
{
	/* A peer with a slower heartbeat is given its time, by our file. */
	return n->peer.dead_ms > own_dead_ms(n) ? n->peer.dead_ms
	                                        : own_dead_ms(n);
}

bool
node_is_master(const struct node *n, unsigned i)
{
	return n->groups[i].election.state == ELECTION_MASTER;
}

bool
node_has_same_config(const struct node *n)
{
	return memcmp(n->peer.config_hash, n->config.config_hash,
	           sizeof(n->config.config_hash)) == 0;
}

bool
node_has_same_addresses(const struct node *n, unsigned i)
{
	const struct node_group *g = &n->groups[i];

	return !g->peer_lacks_group && g->peer_addresses == g->addresses;
}

bool
node_is_well(const struct node *n, unsigned i)
{
	return node_group_fault_of(n, i).reason == ELECTION_UNCHANGED;
}

void
node_init(struct node *n, const struct node_config *config, uint64_t nonce)
{
	n->config = *config;
	n->config.peer.most_ms =
	    config->hang_ms > own_dead_ms(n) ? config->hang_ms : own_dead_ms(n);
	n->peer = peer_init(&n->config.peer, nonce);
	n->hinted = n->hint_due = mono_never();
	n->pause = pause_none();
	for (unsigned i = 0; i < NODE_PATHS_MAX; i++)
		n->paths[i] = peer_path_init();
}

void
node_add_group(struct node *n, uint32_t id, bool peer_near,
    const struct election_config *config, struct mono now)
{
	n->groups[n->n_groups++] = (struct node_group){ .id = id,
		.election = election_init(config, now),
		.handover = handover_idle(),
		.peer_near = peer_near,
		.idle = mono_never(),
		.yielded = mono_never(),
		.mute = mono_never(),
		.behind_until = mono_never(),
		.wish_until = mono_never(),
		.cut_at = mono_never() };
}

void
node_add_segment(struct node *n, unsigned path, unsigned place)
{
	struct node_group *g = &n->groups[n->n_groups - 1];

	g->places[g->n_segments] = place;
	g->segments[g->n_segments++] = segment_init(path);
}

void
node_set_addresses(struct node *n, unsigned i, uint32_t id)
{
	n->groups[i].addresses = id;
}

static int64_t
silent_ms(const struct node *n, const struct node_now *now)
{
	const int64_t late_ms = mono_span_ms(n->beaten.mono, now->mono);
	const int64_t slept_ms = mono_span_ms(n->beaten.boot, now->boot);

	return late_ms > slept_ms ? late_ms : slept_ms;
}

bool
node_is_late(const struct node *n, const struct node_now *now)
{
	return n->started && silent_ms(n, now) >= own_dead_ms(n);
}

static void
step_clock(struct node_group_step *s, const struct node_now *now)
{
	const int64_t ms = silent_ms(s->node, now);
	const struct election_event ev = { .type = ELECTION_STALLED,
		.stalled_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX };

	if (!node_is_late(s->node, now))
		return;
	/* Said once: what follows from it is in time. */
	s->node->beaten = *now;
	for (unsigned i = 0; i < s->node->n_groups; i++)
		node_group_elect(s, i, &ev);
	node_group_do(s, NODE_DO_SAY, NODE_EVERY);
	node_group_add(
	    s, &(struct node_effect){ .type = NODE_TELL_STALL, .ms = ms });
}

/* One that forbids to serve, whatever is tracked. */
static bool
is_fault_of_another_kind(const struct election *e)
{
	return e->state == ELECTION_FAULT && !e->stands_back;
}

void
node_speak(struct node *n, enum hello_type type, const struct node_now *now,
    struct hello *ret_hello)
{
	struct hello *h = ret_hello;

	/*
	 * Not when it is out: who is stopped in between is late the next time.
	 */
	n->beaten = *now;
	*h = (struct hello){ .type = type,
		.interval_ms = n->config.interval_ms,
		.misses = n->config.misses,
		.resigning = n->stopping,
		.pause_epoch = n->pause.epoch,
		.pause_ms = pause_left_ms(&n->pause, now->mono),
		.pause_own = n->pause.own,
		.n_groups = (uint8_t)n->n_groups };
	memcpy(h->config_hash, n->config.config_hash, sizeof(h->config_hash));
	memcpy(h->program, VERSION, sizeof(VERSION));
	for (unsigned i = 0; i < n->n_groups; i++) {
		const struct node_group *g = &n->groups[i];
		const bool deaf = node_segment_is_deaf(n, i, now->mono);

		h->groups[i] = (struct hello_group){ .id = g->id,
			.state = g->election.state,
			.held = g->usable,
			.hands_over = g->election.handing,
			.deaf = deaf,
			.misses_peer = g->misses_peer,
			.faults = is_fault_of_another_kind(&g->election)
			    ? 0
			    : g->election.faults,
			.lacks = g->lacks,
			.addresses = g->addresses,
			.served_ms = deaf
			    ? 0
			    : election_served_ms(&g->election, now->mono),
			.priority = g->election.priority,
			.term = g->election.term };
	}
	peer_stamp(&n->peer, h, node_dead_ms(n), now->mono);
}

static void
begin(struct node_group_step *s, const struct node_now *now)
{
	if (s->node->started || s->node->n_groups == 0)
		return;
	s->node->started = true;
	s->node->beaten = *now;
	node_group_do(s, NODE_DO_START, NODE_EVERY);
	node_group_do(s, NODE_DO_SAY, NODE_EVERY);
}

/*
 * A node that said sooner that it can't serve yet would leave everything to a
 * peer whose relay was a moment faster. But where it is master already its
 * reign goes on.
 */
static void
step_begin(struct node_group_step *s, const struct node_now *now)
{
	const struct node *n = s->node;
	bool reigns = false;

	for (unsigned i = 0; i < n->n_groups; i++)
		reigns = reigns || node_is_master(n, i);
	if (reigns || !n->config.needs_relay || n->relay_serves)
		begin(s, now);
}

static void
step_tick(struct node_group_step *s)
{
	for (unsigned i = 0; i < s->node->n_groups; i++) {
		const struct node_group *g = &s->node->groups[i];

		if (!mono_before(s->now, g->handover.deadline))
			node_group_hand_type(s, i, HANDOVER_TICK);
		if (!mono_before(s->now, g->election.deadline))
			node_group_elect_type(s, i, ELECTION_TICK);
	}
	node_segment_look(s);
}

static void
step_stop(struct node_group_step *s)
{
	struct node *n = s->node;

	n->stopping = true;
	/*
	 * The addresses go first, then the peer is told (the election's order).
	 */
	for (unsigned i = 0; i < n->n_groups; i++)
		if (n->groups[i].handover.state == HANDOVER_RELEASING)
			node_group_hand_type(s, i, HANDOVER_RELEASE);
	for (unsigned i = 0; i < n->n_groups; i++)
		node_group_elect_type(s, i, ELECTION_STOP);
	for (unsigned i = 0; i < RESIGN_REPEATS && n->n_groups > 0; i++)
		node_group_do(s, NODE_DO_SAY, NODE_EVERY);
}

static void
fault_all(struct node_group_step *s, enum node_cause cause,
    enum election_reason reason)
{
	for (unsigned i = 0; i < s->node->n_groups; i++)
		node_group_fault(s, i, cause, reason, 0);
}

static void
step_relay(
    struct node_group_step *s, enum node_type type, const struct node_now *now)
{
	struct node *n = s->node;

	if (type == NODE_RELAY_LEAVES) {
		n->relay_leaves = true;
	} else if (type == NODE_RELAY_SERVES) {
		n->relay_serves = true;
		fault_all(s, NODE_CAUSE_RELAY, ELECTION_RECOVERED);
		fault_all(s, NODE_CAUSE_STALLED, ELECTION_RECOVERED);
		begin(s, now);
	} else if (type == NODE_RELAY_OVERDUE) {
		if (n->relay_serves)
			return;
		fault_all(s, NODE_CAUSE_RELAY,
		    n->started ? ELECTION_RELAY_GONE : ELECTION_RELAY_STARTING);
		begin(s, now);
	} else {
		n->relay_there = type == NODE_RELAY_CAME;
		n->relay_serves = n->relay_leaves = false;
		n->connections = 0; /* they ended with it */
		for (unsigned i = 0; i < n->n_groups; i++)
			node_group_hand_type(s, i, HANDOVER_RELAY_GONE);
	}
}

/*
 * The addresses are here with mastership, and a moment longer where the relay
 * resets its connections first; who has none does not say that they are usable.
 */
static bool
is_sane(const struct node *n)
{
	for (unsigned i = 0; i < n->n_groups; i++) {
		const struct node_group *g = &n->groups[i];
		const bool reigns = node_is_master(n, i);

		if (g->given !=
		    (reigns || g->handover.state == HANDOVER_RELEASING))
			return false;
		if (g->usable && !g->given)
			return false;
		if (g->election.handing && g->handover.state != HANDOVER_ASKING)
			return false;
		if (reigns && (!node_is_well(n, i) || n->stopping))
			return false;
	}
	return true;
}

static void
step_beat(struct node_group_step *s)
{
	node_group_do(s, NODE_DO_SAY, NODE_EVERY);
	node_pause_look(s);
	node_peer_look(s);
	node_segment_look(s);
}

static void
step_operator(struct node_group_step *s, const struct node_event *ev)
{
	if (ev->type == NODE_PAUSE)
		node_pause_take(s, ev);
	else
		node_peer_change_keys(s, ev);
}

static void
step(struct node_group_step *s, const struct node_event *ev,
    const struct node_now *now)
{
	switch (ev->type) {
	case NODE_BEGIN:
		step_begin(s, now);
		break;
	case NODE_BEAT:
		step_beat(s);
		break;
	case NODE_TICK:
		node_peer_tick(s);
		step_tick(s);
		break;
	case NODE_CLOCK:
		step_clock(s, now);
		break;
	case NODE_STOP:
		step_stop(s);
		break;
	case NODE_HELLO:
		node_peer_hear(s, ev);
		break;
	case NODE_PEER_ENDED:
		node_peer_hint(s);
		break;
	case NODE_PAUSE:
	case NODE_KEYS:
		step_operator(s, ev);
		break;
	case NODE_RELAY_CAME:
	case NODE_RELAY_SERVES:
	case NODE_RELAY_LEAVES:
	case NODE_RELAY_GONE:
	case NODE_RELAY_OVERDUE:
		step_relay(s, ev->type, now);
		break;
	case NODE_RESTORE:
	case NODE_SOMEBODY:
	case NODE_LIVES:
	case NODE_CONTROL:
	case NODE_ASKABLE:
	case NODE_SHOWN:
	case NODE_FAULT:
	case NODE_TRACKED:
	case NODE_LACKS:
	case NODE_USABLE:
	case NODE_LOST:
	case NODE_MUTED:
	case NODE_NOT_MUTED:
	case NODE_ANSWERED:
	case NODE_WAS_RESET:
	case NODE_CONNECTED:
	case NODE_HAND_OVER:
	case NODE_LEVEL:
	case NODE_FAILED:
		node_event_step(s, ev);
		break;
	}
}

void
node_step(struct node *n, const struct node_event *ev,
    const struct node_now *now, struct node_out *ret_out)
{
	struct node_group_step s = {
		.node = n, .now = now->mono, .out = ret_out
	};

	ret_out->n = 0;
	step(&s, ev, now);
	assert(is_sane(n));
}

struct mono
node_wake(const struct node *n)
{
	struct mono wake = n->hint_due;

	if (!n->started)
		return mono_never();
	for (unsigned i = 0; i < n->n_groups; i++) {
		wake = mono_min(wake, n->groups[i].election.deadline);
		wake = mono_min(wake, n->groups[i].handover.deadline);
		wake = mono_min(wake, node_segment_wake(&n->groups[i]));
	}
	return wake;
}

bool
node_is_due(const struct node *n, const struct node_effect *e)
{
	const enum node_effect_type type = e->type;

	if (type == NODE_DO_ADD || type == NODE_DO_RENEW ||
	    type == NODE_DO_ANNOUNCE || type == NODE_DO_TICKLE ||
	    type == NODE_DO_TICKLE_LATE || type == NODE_DO_TICKLE_MORE)
		return node_is_master(n, e->group);
	if (type == NODE_DO_HOLD || type == NODE_DO_FORWARD ||
	    type == NODE_DO_MUTE || type == NODE_DO_RESET)
		return n->groups[e->group].handover.state != HANDOVER_IDLE;
	return true;
}

uint32_t
node_lingers_ms(const struct node *n, struct mono now)
{
	int64_t most = 0;

	for (unsigned i = 0; i < n->n_groups; i++) {
		const struct handover *h = &n->groups[i].handover;
		int64_t left;

		if (h->state != HANDOVER_FORWARDING)
			continue;
		left = LINGER_MS - (int64_t)h->times.forward_ms +
		    mono_span_ms(now, h->deadline);
		if (left > most)
			most = left;
	}
	return (uint32_t)most;
}

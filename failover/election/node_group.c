#include "failover/election/node_group.h"

#include "failover/election/node_offer.h"
#include "failover/election/node_view.h"

#include <assert.h>

void
node_group_add(struct node_group_step *s, const struct node_effect *effect)
{
	assert(s->out->n < NODE_EFFECTS_MAX);
	s->out->effects[s->out->n++] = *effect;
}

void
node_group_do(
    struct node_group_step *s, enum node_effect_type type, unsigned group)
{
	node_group_add(
	    s, &(struct node_effect){ .type = type, .group = group });
}

static bool
has_relay(const struct node *n)
{
	return n->relay_there && !n->relay_leaves;
}

static void
release(struct node_group_step *s, unsigned i)
{
	const enum election_state is = s->node->groups[i].election.state;
	struct handover_event ev = { .type = HANDOVER_RELEASE };

	/*
	 * The peer serves, or is about to: then there are a few milliseconds.
	 * A node that does not trust itself (INIT, late) has none, and one that
	 * takes back what it claimed in this step has nobody to reset.
	 */
	ev.release.softly = has_relay(s->node) && !s->node->stopping &&
	    (s->claimed >> i & 1) == 0 &&
	    (is == ELECTION_BACKUP || is == ELECTION_FAULT);
	ev.release.connections = s->node->connections;
	s->node->groups[i].offers = 0;
	s->node->groups[i].offer_due = s->now;
	node_group_do(s, NODE_DO_END_ANNOUNCING, i);
	node_group_hand(s, i, &ev); /* maybe in a moment: see handover.h */
}

static void
claim(struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];

	node_group_hand_type(s, i, HANDOVER_CLAIM);
	if (!g->given) {
		g->usable = false; /* until the kernel says so */
		s->claimed |= UINT32_C(1) << i;
	}
	g->given = true;
	node_group_do(s, NODE_DO_ADD, i);
}

static void
let_election_act(
    struct node_group_step *s, unsigned i, enum election_action action)
{
	switch (action) {
	case ELECTION_SEND_HELLO:
		node_group_do(s, NODE_DO_SAY, i);
		break;
	case ELECTION_ADD_ADDRESSES:
		claim(s, i);
		break;
	case ELECTION_DEL_ADDRESSES:
		release(s, i);
		break;
	case ELECTION_ANNOUNCE:
		node_group_do(s, NODE_DO_ANNOUNCE, i);
		break;
	case ELECTION_PROBE:
		node_group_do(s, NODE_DO_PROBE, i);
		break;
	case ELECTION_QUESTION:
		node_group_do(s, NODE_DO_QUESTION, i);
		break;
	case ELECTION_HAND_OVER:
		node_offer_make(s, i);
		break;
	}
}

/* Who was connected to the peer learns that it is not there any more. */
static void
tell_connected(struct node_group_step *s, unsigned i, enum election_state was,
    enum election_reason reason)
{
	const enum election_state is = s->node->groups[i].election.state;

	if (reason == ELECTION_HANDED_OVER)
		node_group_do(s, NODE_DO_TICKLE_LATE, i);
	else if (is == ELECTION_MASTER &&
	    (was != ELECTION_MASTER || reason == ELECTION_UNCONTESTED))
		node_group_do(s, NODE_DO_TICKLE, i);
	else if (is != ELECTION_MASTER && was == ELECTION_MASTER)
		node_group_do(s, NODE_DO_END_TICKLING, i);
}

void
node_group_elect(
    struct node_group_step *s, unsigned i, const struct election_event *ev)
{
	struct node_group *g = &s->node->groups[i];
	const enum election_state was = g->election.state;
	struct election_out out;

	assert(!s->electing); /* no step within a step */
	s->electing = true;
	g->election = election_step(&g->election, ev, s->now, &out);
	for (unsigned a = 0; a < out.n_actions; a++)
		let_election_act(s, i, out.actions[a]);
	tell_connected(s, i, was, out.reason);
	s->electing = false;
	if (out.reason == ELECTION_UNCHANGED)
		return;
	node_group_add(s,
	    &(struct node_effect){ .type = NODE_TELL_STATE,
	        .group = i,
	        .change = { .was = was,
	            .is = g->election.state,
	            .reason = out.reason,
	            .silent_ms = out.silent_ms,
	            .which = out.which,
	            .term = g->election.term } });
	/* What waits for the end of a pause waits at the master alone. */
	if (s->node->paused && was == ELECTION_MASTER)
		node_group_judge(s, i);
}

static void delete (struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];

	g->given = g->usable = false;
	node_group_do(s, NODE_DO_DELETE, i);
	/* Within the election's step it says so itself. */
	if (!s->electing)
		node_group_do(s, NODE_DO_SAY, i);
}

static void
let_handover_act(
    struct node_group_step *s, unsigned i, enum handover_action action)
{
	struct node_group *g = &s->node->groups[i];

	switch (action) {
	case HANDOVER_HOLD:
		node_group_do(s, NODE_DO_HOLD, i);
		break;
	case HANDOVER_FORWARD:
		node_group_do(s, NODE_DO_FORWARD, i);
		break;
	case HANDOVER_GIVE_BACK:
		node_group_do(s, NODE_DO_GIVE_BACK, i);
		break;
	case HANDOVER_LET_GO:
		node_group_do(s, NODE_DO_LET_GO, i);
		break;
	case HANDOVER_MUTE:
		g->answer_owed = false;
		node_group_do(s, NODE_DO_MUTE, i);
		break;
	case HANDOVER_RESET:
		node_group_do(s, NODE_DO_RESET, i);
		break;
	case HANDOVER_ANSWER:
		node_group_do(s, NODE_DO_ANSWER, i);
		break;
	case HANDOVER_ASK:
		node_group_elect_type(s, i, ELECTION_HANDOVER_BEGIN);
		break;
	case HANDOVER_TAKE_BACK:
		node_group_elect_type(s, i, ELECTION_HANDOVER_ABORT);
		break;
	case HANDOVER_DELETE:
		delete (s, i);
		break;
	}
}

void
node_group_hand(
    struct node_group_step *s, unsigned i, const struct handover_event *ev)
{
	struct node_group *g = &s->node->groups[i];
	struct handover_out out;

	g->handover = handover_step(&g->handover, ev, s->now, &out);
	for (unsigned a = 0; a < out.n_actions; a++)
		let_handover_act(s, i, out.actions[a]);
	if (out.outcome != HANDOVER_UNDECIDED)
		node_group_add(s,
		    &(struct node_effect){ .type = NODE_TELL_OUTCOME,
		        .group = i,
		        .outcome = out.outcome });
}

void
node_group_elect_type(
    struct node_group_step *s, unsigned i, enum election_type type)
{
	node_group_elect(s, i, &(struct election_event){ .type = type });
}

void
node_group_hand_type(
    struct node_group_step *s, unsigned i, enum handover_type type)
{
	node_group_hand(s, i, &(struct handover_event){ .type = type });
}

/*
 * In a pause it takes no group away that is here: the network may say so. Nor
 * does the own address, which goes with a carrier: our word that we let go
 * could not leave, and the peer waits in the pause for more than silence.
 */
static bool
waits(const struct node *n, unsigned i, enum election_reason reason)
{
	return n->paused && n->groups[i].election.state == ELECTION_MASTER &&
	    (reason == ELECTION_INTERFACE_CARRIER ||
	        reason == ELECTION_ADDRESS_MISSING ||
	        reason == ELECTION_CUT_OFF);
}

struct node_fault
node_group_fault_of(const struct node *n, unsigned i)
{
	const struct node_fault *faults = n->groups[i].faults;

	for (unsigned c = 0; c < NODE_CAUSES; c++)
		if (faults[c].reason != ELECTION_UNCHANGED &&
		    !waits(n, i, faults[c].reason))
			return faults[c];
	return (struct node_fault){ 0 };
}

void
node_group_judge(struct node_group_step *s, unsigned i)
{
	const struct node_fault now = node_group_fault_of(s->node, i);
	struct node_group *g = &s->node->groups[i];

	if (now.reason == g->fault.reason && now.which == g->fault.which)
		return;
	g->fault = now;
	if (now.reason == ELECTION_UNCHANGED)
		node_group_elect_type(s, i, ELECTION_TRACK_OK);
	else
		node_group_elect(s, i,
		    &(struct election_event){ .type = ELECTION_TRACK_FAULT,
		        .which = now.which,
		        .fault = now.reason });
}

void
node_group_fault(struct node_group_step *s, unsigned i, enum node_cause cause,
    enum election_reason reason, unsigned which)
{
	struct node_fault *fault = &s->node->groups[i].faults[cause];

	*fault = (struct node_fault){ reason, which };
	if (reason == ELECTION_RECOVERED)
		*fault = (struct node_fault){ 0 };
	node_group_judge(s, i);
}

void
node_group_ail(struct node_group_step *s, unsigned i, struct node_fault tracked,
    uint8_t faults, uint32_t lacks)
{
	struct node_group *g = &s->node->groups[i];
	const struct election *e = &g->election;
	const uint8_t count = (uint8_t)hello_count_lacks(lacks);

	g->lacks = lacks;
	if (faults == e->faults && count == e->lacks &&
	    tracked.reason == g->tracked.reason &&
	    tracked.which == g->tracked.which)
		return;
	g->tracked = tracked;
	node_group_elect(s, i,
	    &(struct election_event){ .type = ELECTION_ILL,
	        .which = tracked.which,
	        .ill = { faults, count, tracked.reason } });
}

void
node_group_meet(struct node_group_step *s, unsigned i, bool held)
{
	const struct node *n = s->node;
	const struct node_group *g = &n->groups[i];
	const bool heard = node_view_hears_peer(n, s->now);
	const bool master = g->peer_state == ELECTION_MASTER;
	struct handover_event ev = { .type = HANDOVER_PEER };

	if (g->handover.state == HANDOVER_IDLE)
		return;
	ev.peer.serves = heard && master && held;
	ev.peer.sound = heard && node_has_same_addresses(n, i) &&
	    (master || g->peer_state == ELECTION_BACKUP);
	node_group_hand(s, i, &ev);
}

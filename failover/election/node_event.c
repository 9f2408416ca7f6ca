#include "failover/election/node_event.h"

#include "failover/election/node_offer.h"
#include "failover/election/node_peer.h"
#include "failover/election/node_segment.h"
#include "failover/election/track_state.h"

typedef void group_fn(
    struct node_group_step *s, unsigned group, const struct node_event *ev);

/* The priority first: what a group says next, it says with the new one. */
static void
track(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	const struct election *e = &s->node->groups[i].election;
	const struct track_state_sum sum = { .lowered = ev->tracked.lowered };
	const uint8_t before = e->priority;
	const uint8_t priority = track_state_priority(e->config.priority, &sum);

	if (priority != before) {
		node_group_elect(s, i,
		    &(struct election_event){
		        .type = ELECTION_PRIORITY, .priority = priority });
		node_group_add(s,
		    &(struct node_effect){ .type = NODE_TELL_PRIORITY,
		        .group = i,
		        .priority = before });
	}
	node_group_ail(s, i,
	    (struct node_fault){ ev->tracked.reason, ev->tracked.which },
	    ev->tracked.faults, s->node->groups[i].lacks);
}

static void
note_lacks(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	const struct node_group *g = &s->node->groups[i];

	node_group_ail(s, i, g->tracked, g->election.faults, ev->lacks);
}

static void
restore(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	node_group_elect(s, i,
	    &(struct election_event){ .type = ELECTION_RESTORE,
	        .restore = { ev->restore.master, ev->restore.term } });
}

static void
hear_somebody(
    struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	node_segment_note(s, i, ev->segment, false);
	node_peer_answer(s, i, SUSPECT_SOMEBODY);
}

static void
hear_life(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	(void)ev;
	node_peer_answer(s, i, SUSPECT_LIVES);
}

static void
hear_control(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	(void)ev;
	node_peer_answer(s, i, SUSPECT_CONTROL);
}

static void
note_askable(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	node_group_elect(s, i,
	    &(struct election_event){
	        .type = ELECTION_ASKABLE, .askable = ev->askable });
}

static void
find_fault(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	node_group_fault(
	    s, i, ev->fault.cause, ev->fault.reason, ev->fault.which);
}

/* Who handed the group over waits for the word that they are usable. */
static void
find_usable(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	struct node_group *g = &s->node->groups[i];

	if (ev->usable && !g->usable && g->given)
		node_group_do(s, NODE_DO_SAY, i);
	g->usable = ev->usable && g->given;
}

static void
mend(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	(void)ev;
	if (!node_is_master(s->node, i))
		return; /* not held, or on their way out */
	node_group_do(s, NODE_DO_RENEW, i);
	node_group_do(s, NODE_DO_ANNOUNCE, i);
}

/* Of the supervisor, and the relay. */
static void
take_word(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	static const enum handover_type words[NODE_TYPES] = {
		[NODE_MUTED] = HANDOVER_MUTED,
		[NODE_NOT_MUTED] = HANDOVER_NOT_MUTED,
		[NODE_ANSWERED] = HANDOVER_ANSWERED,
		[NODE_WAS_RESET] = HANDOVER_WAS_RESET,
	};

	node_group_hand_type(s, i, words[ev->type]);
}

/*
 * The peer had it, too, or lets go of it: whatever it still speaks of there has
 * no home any more. But while we hand over to it, it speaks of those that it
 * serves already.
 */
static void
tell_more(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	(void)ev;
	if (node_is_master(s->node, i) &&
	    s->node->groups[i].handover.state == HANDOVER_IDLE)
		node_group_do(s, NODE_DO_TICKLE_MORE, i);
}

static void
note_level(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	struct node_group *g = &s->node->groups[i];

	g->behind = !ev->level;
	g->behind_until = mono_never();
	node_offer_look(s, i);
}

static void
wish(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	(void)ev;
	node_offer_wish(s, i);
}

static void
fail(struct node_group_step *s, unsigned i, const struct node_event *ev)
{
	if (ev->failed.what == NODE_DO_ANSWER)
		/* They must not stay muted: said again until it is heard. */
		s->node->groups[i].answer_owed = true;
	else if (ev->failed.what == NODE_DO_MUTE)
		node_group_hand_type(s, i, HANDOVER_NOT_MUTED);
	else if (ev->failed.what == NODE_DO_RESET)
		node_group_hand_type(s, i, HANDOVER_RELAY_GONE);
	else
		node_group_elect_type(s, i, ELECTION_ACTION_FAILED);
}

void
node_event_step(struct node_group_step *s, const struct node_event *ev)
{
	static group_fn *const fns[NODE_TYPES] = {
		[NODE_RESTORE] = restore,
		[NODE_SOMEBODY] = hear_somebody,
		[NODE_LIVES] = hear_life,
		[NODE_CONTROL] = hear_control,
		[NODE_ASKABLE] = note_askable,
		[NODE_SHOWN] = node_peer_show,
		[NODE_FAULT] = find_fault,
		[NODE_TRACKED] = track,
		[NODE_LACKS] = note_lacks,
		[NODE_USABLE] = find_usable,
		[NODE_LOST] = mend,
		[NODE_MUTED] = take_word,
		[NODE_NOT_MUTED] = take_word,
		[NODE_ANSWERED] = take_word,
		[NODE_WAS_RESET] = take_word,
		[NODE_CONNECTED] = tell_more,
		[NODE_HAND_OVER] = wish,
		[NODE_LEVEL] = note_level,
		[NODE_FAILED] = fail,
	};

	for (unsigned i = 0; i < s->node->n_groups; i++)
		if (ev->group == i || ev->group == NODE_EVERY)
			fns[ev->type](s, i, ev);
}

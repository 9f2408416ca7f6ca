#include "failover/election/node_offer.h"

#include "failover/election/node_view.h"

/* Between two offers to a peer that took none: a second, 2, 4, ... 64. */
#define OFFER_AGAIN_MS 1000
#define OFFER_DOUBLINGS 6

/*
 * A peer that has just come back is told of all connections: half a million of
 * them in some seconds. Who cannot be told in so long is given it without.
 */
#define BEHIND_MS 10000

/* Whoever asks for a handover waits for an answer. */
#define WISH_MS 3000

/* HANDOVER_UNDECIDED: it has begun, or had before. */
static enum handover_outcome
begin(struct node_group_step *s, unsigned i)
{
	const enum handover_outcome objection =
	    node_view_objection(s->node, i, s->now);

	if (s->node->groups[i].handover.wanted ||
	    objection != HANDOVER_UNDECIDED)
		return objection;
	node_group_hand_type(s, i, HANDOVER_BEGIN);
	node_group_do(s, NODE_TELL_BEGUN, i);
	return HANDOVER_UNDECIDED;
}

/*
 * With it would go, of connections that live on a node that knows them, those
 * that the peer was not told of yet.
 */
static bool
waits_for_level(struct node_group *g, struct mono now)
{
	if (g->behind && mono_is_never(g->behind_until))
		g->behind_until = mono_add_ms(now, BEHIND_MS);
	return g->behind && mono_before(now, g->behind_until);
}

/* Nothing else speaks against it. */
static bool
is_behind(const struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];

	return node_view_objection(s->node, i, s->now) == HANDOVER_UNDECIDED &&
	    !g->handover.wanted && waits_for_level(g, s->now);
}

static void
refuse(struct node_group_step *s, unsigned i, enum handover_outcome why)
{
	if (why != HANDOVER_UNDECIDED)
		node_group_add(s,
		    &(struct node_effect){ .type = NODE_TELL_REFUSED,
		        .group = i,
		        .outcome = why });
}

void
node_offer_wish(struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];

	if (!is_behind(s, i))
		refuse(s, i, begin(s, i));
	else if (mono_is_never(g->wish_until))
		g->wish_until = mono_add_ms(s->now, WISH_MS);
}

void
node_offer_look(struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];
	bool behind;

	if (mono_is_never(g->wish_until))
		return;
	behind = is_behind(s, i);
	if (behind && mono_before(s->now, g->wish_until))
		return;
	g->wish_until = mono_never();
	refuse(s, i, behind ? HANDOVER_PEER_BEHIND : begin(s, i));
}

/*
 * The election asks again once a second: the same objection is told once. Where
 * the peer was offered it and did not take it, it is left alone for longer each
 * time: meanwhile nobody new was answered here.
 */
void
node_offer_make(struct node_group_step *s, unsigned i)
{
	struct node_group *g = &s->node->groups[i];
	enum handover_outcome *told = &g->unwilling;
	enum handover_outcome objection;

	if (s->node->paused || mono_before(s->now, g->offer_due) ||
	    waits_for_level(g, s->now))
		return;
	objection = begin(s, i);
	if (objection == HANDOVER_UNDECIDED) {
		g->offer_due =
		    mono_add_ms(s->now, (int64_t)OFFER_AGAIN_MS << g->offers);
		if (g->offers < OFFER_DOUBLINGS)
			g->offers++;
	}
	if (objection != HANDOVER_UNDECIDED && objection != *told)
		node_group_add(s,
		    &(struct node_effect){ .type = NODE_TELL_UNWILLING,
		        .group = i,
		        .outcome = objection });
	*told = objection;
}

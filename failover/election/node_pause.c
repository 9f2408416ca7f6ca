#include "failover/election/node_pause.h"

/* Begins or ends, for every group; what waited for the end comes now. */
static void
apply(struct node_group_step *s)
{
	struct node *n = s->node;
	const bool paused = pause_left_ms(&n->pause, s->now) > 0;

	if (paused == n->paused)
		return;
	n->paused = paused;
	for (unsigned i = 0; i < n->n_groups; i++) {
		node_group_elect(s, i,
		    &(struct election_event){
		        .type = ELECTION_PAUSE, .paused = paused });
		node_group_judge(s, i);
	}
}

static void
changed(struct node_group_step *s)
{
	const bool was = s->node->paused;

	apply(s);
	if (s->node->started)
		node_group_do(s, NODE_DO_SAY, NODE_EVERY);
	/* That there was one once is no news. */
	if (was || s->node->paused)
		node_group_do(s, NODE_TELL_PAUSE, 0);
}

void
node_pause_take(struct node_group_step *s, const struct node_event *ev)
{
	struct pause *p = &s->node->pause;
	const struct pause kept = { .epoch = ev->pause.epoch,
		.own = ev->pause.own };

	if (kept.epoch == 0)
		pause_set(p, ev->pause.ms, s->now);
	else if (!pause_hear(p, &kept, ev->pause.ms, s->now))
		return;
	changed(s);
}

void
node_pause_hear(struct node_group_step *s, const struct hello *h)
{
	const struct pause said = { .epoch = h->pause_epoch,
		.own = !h->pause_own };

	if (pause_hear(&s->node->pause, &said, h->pause_ms, s->now))
		changed(s);
}

void
node_pause_look(struct node_group_step *s)
{
	struct node *n = s->node;

	if (!n->paused || pause_left_ms(&n->pause, s->now) > 0)
		return;
	n->pause.until = mono_never();
	changed(s);
}

#include "proxy/data/session_sweep.h"

#include "config/config.h"
#include "proxy/data/session.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_run.h"

/* 6 ms, where all of them are reset. */
#define SWEEP_PART 200

void
session_sweep_order(
    struct session_sweep *w, const struct session_sweep_orders *orders)
{
	if (!orders->cut && !orders->all && !orders->gone &&
	    orders->groups == 0)
		return;
	w->cut = w->cut || orders->cut;
	w->all = w->all || orders->all;
	w->gone = w->gone || orders->gone;
	w->groups |= orders->groups;
	w->under_way = false;
	w->since = (struct mono){ 0 };
}

/* By either leg: the server's may come from an address of the group, too. */
static bool
is_in_group(const struct session *s, const struct config_group *g)
{
	const struct config_service *c = s->pool->config;
	union addr here;

	if (c->has_source && config_group_has(g, &c->source))
		return true;
	return session_get_local(s, &here) == 0 && config_group_has(g, &here);
}

static bool
leaves(const struct session *s, const struct config_pair *pair, unsigned groups)
{
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		if ((groups & 1U << i) != 0 && is_in_group(s, &pair->groups[i]))
			return true;
	return false;
}

static void
obey(struct session *s, struct session_sweep *w, const struct config_pair *pair)
{
	if (s->phase == SESSION_GIVEN)
		w->missed = true;
	else if (w->all)
		session_end_reset(s, END_REASON_STOPPED, 0);
	else if (w->groups != 0 && leaves(s, pair, w->groups))
		session_end_reset(s, END_REASON_ADDRESS_MOVED, 0);
	else if (w->gone && s->is_gone)
		session_end_reset(s, END_REASON_DRAINED, 0);
	else if (w->cut)
		session_run_cut(s);
}

/* Whether the pass has come to its end, within what is left of this turn. */
static bool
go_on(struct session_sweep *w, struct session_thread *t,
    const struct config_pair *pair, unsigned *left)
{
	struct session *s;

	while (
	    (s = t->next_sweep) != NULL && !mono_before(s->joined, w->since)) {
		if ((*left)-- == 0) {
			*left = 0;
			return false;
		}
		t->next_sweep = LIST_NEXT(s, all);
		obey(s, w, pair);
	}
	t->next_sweep = NULL;
	return true;
}

bool
session_sweep_turn(struct session_sweep *w, struct session_thread *t,
    const struct config_pair *pair)
{
	unsigned left = SWEEP_PART;
	bool whole = false; /* the pass has begun in this turn */

	if (!session_sweep_is_ordered(w))
		return true;
	while (!whole) {
		if (!w->under_way) {
			w->under_way = whole = true;
			w->begun = mono_now();
			t->next_sweep = LIST_FIRST(&t->sessions);
		}
		if (!go_on(w, t, pair, &left))
			return false;
		w->under_way = false;
		w->since = w->begun;
	}
	if (!w->missed)
		return true;
	/* It may come back: from the first session again. */
	w->missed = false;
	w->since = (struct mono){ 0 };
	return false;
}

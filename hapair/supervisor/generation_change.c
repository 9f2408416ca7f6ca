#include "hapair/supervisor/generation_change.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"
#include "hapair/supervisor/release.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

static void note(struct generation_change *r, enum reload_step_event event);

/* Each is to end for good, and is not started again. */
static void
replace(struct generation_change *r, struct generation *g)
{
	g->failover.stopping = g->relay.stopping = true;
	director_child_stop(&g->director);
	LIST_INSERT_HEAD(&r->replaced, g, replaced);
	r->n_replaced++;
}

static void
start_next(struct generation_change *r)
{
	struct generation *g = r->next;

	/* What ends before it has taken over is not started again. */
	g->failover.stopping = g->relay.stopping = true;
	g->director.child.stopping = true;
	child_start(&g->failover);
	child_start(&g->relay);
	director_child_start(&g->director); /* it is waited for by nobody */
	/* Not even that: no memory, no descriptor, no process. */
	if (g->failover.pid == 0)
		note(r, RELOAD_STEP_FAILOVER_ENDED);
	if (g->relay.pid == 0)
		note(r, RELOAD_STEP_RELAY_ENDED);
}

void
generation_change_introduce(struct generation_change *r, struct generation *g)
{
	CLEANUP(fd_close) int theirs = -1;
	int ends[2];

	if (g != r->next || g->listeners->n_open == 0)
		return;
	if (channel_pair(ends) < 0) {
		child_kill(&g->relay); /* it would wait for nobody */
		return;
	}
	fd_close(&r->given);
	r->given = ends[0];
	theirs = ends[1];
	child_send(&g->relay, MSG_PREDECESSOR, NULL, 0, theirs);
}

/* The old one gives what it has; it is not to be started again meanwhile. */
static void
give(struct generation_change *r)
{
	if (!r->setup.calls->on_give(r->setup.owner)) {
		note(r, RELOAD_STEP_MOVES_ACTIVE);
		return;
	}
	r->now->relay.stopping = true;
	r->now->given = r->has_given = false;
	if (r->given != -1)
		child_send(&r->now->relay, MSG_SUCCESSOR, NULL, 0, r->given);
	fd_close(&r->given);
	if (r->now->relay.pid == 0)
		note(r, RELOAD_STEP_OLD_RELAY_ENDED);
	if (r->next->listeners->n_open > 0)
		return;
	/* There is nobody to give anything to. */
	child_send(&r->now->relay, MSG_STOP, NULL, 0, -1);
	note(r, RELOAD_STEP_TAKEN);
}

static void
adopt(struct generation_change *r)
{
	struct generation *before = r->now, *g = r->next;

	generation_inherit(g, before, false);
	r->next = NULL;
	r->now = g;
	g->failover.stopping = g->relay.stopping = false;
	g->director.child.stopping = false;
	replace(r, before);
	role_watchdog_stay(&before->watchdog);
	listeners_keep_alive(g->listeners);
	r->setup.calls->on_adopt(r->setup.owner, before);
	if (g->failover.pid == 0)
		child_start(&g->failover); /* it ended meanwhile */
	director_child_start(&g->director);
	director_child_look(r);
}

/* The one before is the youngest of those that were replaced. */
static void
kill_failover(struct generation_change *r)
{
	struct generation *before = LIST_FIRST(&r->replaced);

	before->failover.unwanted = true;
	if (before->failover.pid != 0)
		child_kill(&before->failover);
	else
		note(r, RELOAD_STEP_OLD_FAILOVER_ENDED);
}

static void
discard(struct generation_change *r)
{
	struct child *relay = &r->now->relay;

	r->next->failover.unwanted = r->next->relay.unwanted = true;
	r->next->director.child.unwanted = true;
	child_kill(&r->next->failover);
	child_kill(&r->next->relay);
	child_kill(&r->next->director.child);
	replace(r, r->next);
	r->next = NULL;
	fd_close(&r->given);
	ev_timer_start(r->loop, &r->sweep);
	if (!relay->stopping)
		return;
	relay->stopping = false;
	if (relay->pid == 0)
		child_start(relay);
	else if (r->has_given)
		child_kill(
		    relay); /* its listeners are closed: a new one's are not */
	r->has_given = false;
}

static void
carry_out(struct generation_change *r, enum reload_step_action action,
    const struct reload_step_out *out)
{
	switch (action) {
	case RELOAD_STEP_START:
		start_next(r);
		break;
	case RELOAD_STEP_GIVE:
		give(r);
		break;
	case RELOAD_STEP_ADOPT:
		adopt(r);
		break;
	case RELOAD_STEP_KILL_FAILOVER:
		kill_failover(r);
		break;
	case RELOAD_STEP_GO_ON:
		r->setup.calls->on_go_on(
		    r->setup.owner, LIST_FIRST(&r->replaced));
		ev_timer_start(r->loop, &r->sweep);
		break;
	case RELOAD_STEP_DISCARD:
		discard(r);
		break;
	case RELOAD_STEP_TELL_DONE:
	case RELOAD_STEP_TELL_LATE:
	case RELOAD_STEP_TELL_FAILED:
		r->setup.calls->on_told(r->setup.owner, action, out->fault);
		break;
	}
}

static void
do_step(struct generation_change *r, enum reload_step_event event)
{
	struct reload_step_out out;

	r->step = reload_step_do(&r->step, event, &out);
	if (out.n_actions > 0)
		ev_timer_stop(r->loop, &r->patience);
	if (out.patience_ms > 0)
		timeout_arm(r->loop, &r->patience, out.patience_ms / 1e3);
	for (unsigned i = 0; i < out.n_actions; i++)
		carry_out(r, out.actions[i], &out);
}

/* What an action brings about at once waits until the step is through. */
static void
note(struct generation_change *r, enum reload_step_event event)
{
	assert(r->n_events < ARRAY_LEN(r->events));
	r->events[r->n_events++] = event;
	if (r->n_events > 1)
		return;
	for (unsigned i = 0; i < r->n_events; i++)
		do_step(r, r->events[i]);
	r->n_events = 0;
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	note(CONTAINER_OF(t, struct generation_change, patience),
	    RELOAD_STEP_OVERDUE);
}

/* Frees what has ended: not under the callback that told of it. */
static void
on_sweep(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct generation_change *r =
	    CONTAINER_OF(t, struct generation_change, sweep);
	struct generation *g, *next;

	for (g = LIST_FIRST(&r->replaced); g != NULL; g = next) {
		next = LIST_NEXT(g, replaced);
		if (!generation_has_ended(g))
			continue;
		LIST_REMOVE(g, replaced);
		r->n_replaced--;
		generation_free(g);
	}
}

/* -- what is heard ------------------------------------------------------ */

static int
take_given(struct generation_change *r, struct generation *g,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_given m;

	if (msg_get_given(&b, &m) < 0)
		return -EBADMSG;
	g->given = true;
	if (g == r->now && r->step.state == RELOAD_STEP_TAKING)
		r->has_given = true;
	else if (g == r->now)
		child_kill(&g->relay); /* to one that was discarded since */
	if (m.left > 0 && g != r->now)
		log_notice("supervisor",
		    "the old relay %d keeps %" PRIu32
		    " connections whose service or server is no longer there, until they end",
		    (int)g->relay.pid, m.left);
	return 1;
}

static int
take_of_next(
    struct generation_change *r, const struct child *child, unsigned type)
{
	struct generation *g = r->next;
	const bool relay = child == &g->relay;

	switch (type) {
	case MSG_READY:
		note(r,
		    relay ? RELOAD_STEP_RELAY_READY
		          : RELOAD_STEP_FAILOVER_READY);
		return 1;
	case MSG_PREPARED:
		if (relay)
			return -EBADMSG;
		note(r, RELOAD_STEP_FAILOVER_LOADED);
		return 1;
	case MSG_EVENT:
		return 1; /* what it finds first is known from the one before */
	case MSG_TAKING:
		if (!relay)
			return -EBADMSG;
		note(r, RELOAD_STEP_TAKING_ON);
		return 1;
	case MSG_TAKEN:
		if (!relay || r->step.state != RELOAD_STEP_TAKING)
			return -EBADMSG;
		note(r, RELOAD_STEP_TAKEN);
		return 1;
	default: /* not an enum: a number from another process */
		return -EBADMSG;
	}
}

/* Of the failover that is being replaced; nobody acts by anything else. */
static bool
is_last_word(const struct generation_change *r, const struct generation *g,
    const struct child *child, unsigned type)
{
	return r->step.state == RELOAD_STEP_SWITCHING &&
	    g == LIST_FIRST(&r->replaced) && child == &g->failover &&
	    (type == MSG_GROUP || type == MSG_PAUSE || type == MSG_KEYS ||
	        type == MSG_ACCORDS);
}

int
generation_change_take(struct generation_change *r, struct generation *g,
    struct child *child, const struct channel_packet *p)
{
	if (p->type == MSG_GIVEN)
		return child == &g->relay ? take_given(r, g, p) : -EBADMSG;
	if (g == r->next) {
		const int e = take_of_next(r, child, p->type);

		child->ready = child->ready || (e == 1 && p->type == MSG_READY);
		return e;
	}
	if (g != r->now && p->type == MSG_KILLED)
		return 0; /* what lingers there was somebody's to kill */
	if (g != r->now)
		return is_last_word(r, g, child, p->type) ? 0 : 1;
	if (p->type == MSG_PREPARED && child == &g->failover)
		return 1; /* it gets all that it waits for at once */
	/* Of a reload, perhaps, but not the old one, which was started again.
	 */
	if (p->type == MSG_READY && child == &g->failover && r->next == NULL)
		note(r, RELOAD_STEP_FAILOVER_READY);
	return 0;
}

/*
 * A relay whose next one dies before it could say that it serves takes its
 * listeners up again. The next one is started again, and two must not accept.
 */
static void
stop_who_has_not_given(struct generation_change *r)
{
	struct generation *g;

	LIST_FOREACH (g, &r->replaced, replaced)
		if (g->relay.pid != 0 && !g->given)
			child_send(&g->relay, MSG_STOP, NULL, 0, -1);
}

void
generation_change_note_end(struct generation_change *r, struct generation *g,
    const struct child *child)
{
	const bool relay = child == &g->relay;

	if (g == r->now && relay)
		stop_who_has_not_given(r);
	if (g == r->next ||
	    (g == r->now && generation_change_is_busy(r) && r->next == NULL))
		note(r,
		    relay ? RELOAD_STEP_RELAY_ENDED
		          : RELOAD_STEP_FAILOVER_ENDED);
	else if (g == r->now && relay)
		note(r, RELOAD_STEP_OLD_RELAY_ENDED);
	else if (g == LIST_FIRST(&r->replaced) && !relay)
		note(r, RELOAD_STEP_OLD_FAILOVER_ENDED);
	if (g != r->now)
		ev_timer_start(r->loop, &r->sweep);
}

/* -- life --------------------------------------------------------------- */

struct generation_change
generation_change_none(void)
{
	return (struct generation_change){ .given = -1, .pins = -1 };
}

void
generation_change_init(struct generation_change *r,
    const struct generation_change_setup *setup, struct generation *now)
{
	*r = generation_change_none();
	r->setup = *setup;
	r->now = now;
	r->loop = ev_default_loop(EVBACKEND_EPOLL | EVFLAG_NOENV);
	LIST_INIT(&r->replaced);
	ev_timer_init(&r->patience, on_patience, 0., 0.);
	ev_timer_init(&r->sweep, on_sweep, 0., 0.);
}

void
generation_change_fini(struct generation_change *r)
{
	struct generation *g;

	if (r->loop != NULL) {
		ev_timer_stop(r->loop, &r->patience);
		ev_timer_stop(r->loop, &r->sweep);
	}
	while ((g = LIST_FIRST(&r->replaced)) != NULL) {
		LIST_REMOVE(g, replaced);
		generation_free(g);
	}
	generation_free(r->next);
	generation_free(r->now);
	fd_close(&r->given);
	fd_close(&r->pins);
}

void
generation_change_add_replaced(
    struct generation_change *r, struct generation *g)
{
	replace(r, g);
	role_watchdog_stay(&g->watchdog);
}

void
generation_change_begin(struct generation_change *r, struct generation *next)
{
	assert(!generation_change_is_busy(r));
	generation_inherit(next, r->now, true);
	r->next = next;
	note(r, RELOAD_STEP_BEGIN);
}

void
generation_change_release(const struct generation_change *r)
{
	const struct generation *before = LIST_FIRST(&r->replaced);

	release_forsaken(&r->now->setup.config->pair);
	if (before != NULL && r->step.state == RELOAD_STEP_SWITCHING)
		release_forsaken(&before->setup.config->pair);
}

bool
generation_change_is_busy(const struct generation_change *r)
{
	return r->step.state != RELOAD_STEP_IDLE;
}

void
generation_change_stop_replaced(struct generation_change *r)
{
	struct generation *g;

	LIST_FOREACH (g, &r->replaced, replaced)
		child_send(&g->relay, MSG_STOP, NULL, 0, -1);
}

bool
generation_change_stop(struct generation_change *r)
{
	if (reload_step_delays_stop(&r->step))
		return false;
	r->stopping = true;
	note(r, RELOAD_STEP_STOP);
	generation_change_stop_replaced(r);
	return true;
}

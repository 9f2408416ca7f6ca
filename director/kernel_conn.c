#include "director/kernel_conn.h"

#include "director/conn_made.h"
#include "director/conn_step.h"

#include <assert.h>

static void
begin(const struct conn_step *s)
{
	*s->c = kernel_conn_free();
	conn_step_ask(s, KERNEL_CONN_KEEP);
	conn_step_choose(s);
}

/* Told by the peer that owns it: this is what holds. */
static void
inherit(const struct conn_step *s)
{
	*s->c = kernel_conn_free();
	s->c->placed = s->c->written = s->c->inherited = true;
	s->c->attempts = 1;
	s->c->tried[s->c->n_tried++] = s->ev->server;
	conn_step_ask(s, KERNEL_CONN_WRITE);
	conn_step_enter(
	    s, KERNEL_CONN_OPEN, conn_step_in_ms(s, KERNEL_CONN_SWEEP_MS));
}

/*
 * The process before this one has died, and its packets go on. Nothing is
 * withheld that only it knew how to deal with: the SYN that it kept is gone, so
 * a refusal is the client's to hear. It may repeat its SYN, which is known by
 * its number. An end may have been told to nobody.
 */
static void
find(const struct conn_step *s)
{
	*s->c = kernel_conn_free();
	s->c->placed = s->c->written = s->c->inherited = true;
	s->c->attempts = 1;
	s->c->tried[s->c->n_tried++] = s->ev->server;
	conn_step_ask(s, KERNEL_CONN_LET_PASS);
	conn_step_ask(s, KERNEL_CONN_GO_ON);
	conn_step_enter(
	    s, KERNEL_CONN_OPEN, conn_step_in_ms(s, KERNEL_CONN_LOOK_MS));
}

/* FREE: a slot that nobody has. */
static void
step_free(const struct conn_step *s)
{
	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		begin(s);
		break;
	case KERNEL_CONN_ADDED:
		inherit(s);
		break;
	case KERNEL_CONN_FOUND:
		find(s);
		break;
	case KERNEL_CONN_PLACED: /* nothing was asked for */
	case KERNEL_CONN_UNPLACED:
	case KERNEL_CONN_ROOM:
	case KERNEL_CONN_CONFIRMED: /* of the one before, */
	case KERNEL_CONN_REFUSED:   /* and so are these */
	case KERNEL_CONN_CLOSED:
	case KERNEL_CONN_LOOK:
	case KERNEL_CONN_CUT:
	case KERNEL_CONN_FAILED:
	case KERNEL_CONN_RELEASE:
	case KERNEL_CONN_DELETED:
		break;
	}
}

/*
 * No server can be had. What it waits for is told to nobody: the node asks
 * again when a place is given back or a server comes up; servers that have
 * refused it are asked once more after a second, as the relay does.
 */
static void
hold(const struct conn_step *s)
{
	struct kernel_conn *c = s->c;
	struct mono again = conn_step_in_ms(s, KERNEL_CONN_ROUND_MS);

	if (mono_is_never(c->waits_until))
		c->waits_until = conn_step_in_ms(s, s->rules->queue_ms);
	c->wants = s->ev->wants;
	if (c->attempts > 0)
		conn_step_ask(s, KERNEL_CONN_FORGET);
	if (c->attempts == 0 || mono_before(c->waits_until, again))
		again = c->waits_until;
	conn_step_enter(s, KERNEL_CONN_HELD, again);
}

/* The time is over, or it may ask those once more that have refused it. */
static void
waited(const struct conn_step *s)
{
	struct kernel_conn *c = s->c;
	enum end_reason reason = c->wants == POOL_CHOICE_UP
	    ? END_REASON_NO_SERVER
	    : END_REASON_QUEUE_TIMEOUT;

	if (mono_before(s->now, c->waits_until)) {
		c->n_tried = 0;
		conn_step_choose(s);
		return;
	}
	conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
	conn_step_end(s, c->attempts > 0 ? c->failure : reason, false);
}

/* HELD: its SYN is here, no server has a place for it. Nobody else knows it. */
static void
step_held(const struct conn_step *s)
{
	struct kernel_conn *c = s->c;

	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		if (!s->ev->same) /* its client has begun anew */
			conn_step_ask(s, KERNEL_CONN_KEEP);
		break;
	case KERNEL_CONN_PLACED:
		c->placed = true;
		c->attempts++;
		if (c->n_tried == SERVER_CHOICE_TRIED)
			c->n_tried = 0;
		c->tried[c->n_tried++] = s->ev->server;
		conn_step_ask(s, KERNEL_CONN_TELL);
		conn_step_enter(s, KERNEL_CONN_COMMITTING,
		    conn_step_in_ms(s, s->rules->commit_ms));
		break;
	case KERNEL_CONN_UNPLACED:
		hold(s);
		break;
	case KERNEL_CONN_ROOM:
		conn_step_choose(s);
		break;
	case KERNEL_CONN_LOOK:
		if (conn_step_is_due(s)) /* else: woken early */
			waited(s);
		break;
	case KERNEL_CONN_CUT:
		if (!conn_step_ends_client(s))
			break; /* it has no server to lose */
		conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
		conn_step_end(s, s->ev->reason, false);
		break;
	case KERNEL_CONN_RELEASE:
	case KERNEL_CONN_DELETED:
		conn_step_drop(s, false);
		break;
	case KERNEL_CONN_CONFIRMED: /* of an earlier attempt, */
	case KERNEL_CONN_REFUSED:   /* and so are these */
	case KERNEL_CONN_CLOSED:
	case KERNEL_CONN_FAILED:
	case KERNEL_CONN_ADDED: /* the slot is emptied first */
	case KERNEL_CONN_FOUND: /* by nobody else */
		break;
	}
}

/*
 * COMMITTING: the peer is told, and until it has said that it knows, the server
 * does not hear of the client. So nothing that both have can be lost.
 */
static void
step_committing(const struct conn_step *s)
{
	switch (s->ev->type) {
	case KERNEL_CONN_SYN:
		if (!s->ev->same)
			conn_step_ask(s, KERNEL_CONN_KEEP);
		break;
	case KERNEL_CONN_CONFIRMED:
		/* In this order: the answer must find the entries. */
		conn_step_ask(s, KERNEL_CONN_WRITE);
		conn_step_ask(s, KERNEL_CONN_EMIT);
		s->c->written = true;
		conn_step_enter(s, KERNEL_CONN_CONNECTING,
		    conn_step_in_ms(s, KERNEL_CONN_LOOK_MS));
		break;
	case KERNEL_CONN_LOOK:
		if (!conn_step_is_due(s))
			break;
		conn_step_ask(s, KERNEL_CONN_LATE);
		conn_step_enter(s, KERNEL_CONN_COMMITTING,
		    conn_step_in_ms(s, s->rules->commit_ms));
		break;
	case KERNEL_CONN_CUT:
		if (conn_step_ends_client(s)) {
			conn_step_ask(s, KERNEL_CONN_RESET_CLIENT);
			conn_step_end(s, s->ev->reason, false);
			break;
		}
		conn_step_leave(s, false);
		conn_step_choose(s);
		break;
	case KERNEL_CONN_RELEASE: /* the peer may have it, and go on */
	case KERNEL_CONN_DELETED:
		conn_step_drop(s, true);
		break;
	case KERNEL_CONN_PLACED: /* it is */
	case KERNEL_CONN_UNPLACED:
	case KERNEL_CONN_ROOM:
	case KERNEL_CONN_REFUSED: /* of an earlier attempt, */
	case KERNEL_CONN_CLOSED:  /* and so are these */
	case KERNEL_CONN_FAILED:
	case KERNEL_CONN_ADDED: /* the slot is emptied first */
	case KERNEL_CONN_FOUND: /* by nobody else */
		break;
	}
}

/* Whether it is for this node to decide. */
static bool
is_for_owner(enum kernel_conn_type type)
{
	return type != KERNEL_CONN_RELEASE && type != KERNEL_CONN_ADDED &&
	    type != KERNEL_CONN_DELETED && type != KERNEL_CONN_FAILED &&
	    type != KERNEL_CONN_FOUND;
}

static void
dispatch(const struct conn_step *s)
{
	switch (s->c->state) {
	case KERNEL_CONN_FREE:
		step_free(s);
		break;
	case KERNEL_CONN_HELD:
		step_held(s);
		break;
	case KERNEL_CONN_COMMITTING:
		step_committing(s);
		break;
	case KERNEL_CONN_CONNECTING:
		conn_made_connecting(s);
		break;
	case KERNEL_CONN_SILENT:
	case KERNEL_CONN_OPEN:
		conn_made_step(s);
		break;
	case KERNEL_CONN_DOUBTED:
		conn_made_doubted(s);
		break;
	}
}

struct kernel_conn
kernel_conn_free(void)
{
	return (struct kernel_conn){ .state = KERNEL_CONN_FREE,
		.deadline = mono_never(),
		.since = mono_never(),
		.waits_until = mono_never() };
}

/* Who has a server has a port; who is looked at never again is free. */
static bool
is_sane(const struct kernel_conn *after)
{
	switch (after->state) {
	case KERNEL_CONN_FREE:
		return mono_is_never(after->deadline);
	case KERNEL_CONN_HELD:
		return !after->placed && !after->written &&
		    !mono_is_never(after->deadline);
	case KERNEL_CONN_COMMITTING:
		return after->placed && !after->written &&
		    !mono_is_never(after->deadline);
	case KERNEL_CONN_CONNECTING:
	case KERNEL_CONN_SILENT:
	case KERNEL_CONN_OPEN:
	case KERNEL_CONN_DOUBTED:
		return after->placed && after->written &&
		    !mono_is_never(after->deadline);
	}
	return false;
}

struct kernel_conn
kernel_conn_step(const struct kernel_conn *before,
    const struct kernel_conn_event *ev, const struct kernel_conn_rules *rules,
    struct mono now, struct kernel_conn_out *ret_out)
{
	struct kernel_conn after = *before;
	struct kernel_conn_event sure = *ev;
	struct kernel_conn_out out = { .reason = END_REASON_NORMAL };
	const struct conn_step s = { &after, &sure, rules, now, &out };

	/* An old mark: packets that took it back passed on the other node. */
	if (mono_before(ev->seen.last, ev->claimed))
		sure.seen.rst = false;

	if (ev->mine || !is_for_owner(ev->type))
		dispatch(&s);
	else if (after.state != KERNEL_CONN_FREE &&
	    ev->type == KERNEL_CONN_LOOK)
		after.deadline = conn_step_in_ms(&s, KERNEL_CONN_SWEEP_MS);
	assert(is_sane(&after));
	*ret_out = out;
	return after;
}

const char *
kernel_conn_state_name(enum kernel_conn_state state)
{
	static const char *const names[KERNEL_CONN_STATES] = {
		[KERNEL_CONN_FREE] = "free",
		[KERNEL_CONN_HELD] = "held",
		[KERNEL_CONN_COMMITTING] = "committing",
		[KERNEL_CONN_CONNECTING] = "connecting",
		[KERNEL_CONN_SILENT] = "silent",
		[KERNEL_CONN_OPEN] = "open",
		[KERNEL_CONN_DOUBTED] = "doubted",
	};

	return names[state];
}

#include "failover/state_sync.h"

#include "core/accord.h"
#include "core/buf.h"
#include "core/event.h"
#include "core/msg.h"
#include "core/timeout.h"

#include <errno.h>
#include <string.h>

/* A supervisor whose channel is full reads again in a moment. */
#define AGAIN_MS 50

/*
 * One that does not read has lost something of what the peer said, which is
 * told anew on a wire that is made anew: not at once, as it would not read that
 * either, and the wire is good for all else.
 */
#define MEND_MS 1000

static void
pay_supervisor(struct state_sync *s)
{
	const struct msg_ask wanted = { .id = s->wire };
	struct buf b = BUF_WRITER(8);

	if (!s->wanted_owed)
		return;
	msg_put_ask(&b, &wanted);
	s->wanted_owed =
	    channel_send(s->supervisor, MSG_WANTED, b.data, b.pos, -1) < 0;
	if (s->wanted_owed && !ev_is_active(&s->again))
		timeout_arm(s->loop, &s->again, AGAIN_MS / 1e3);
}

static void
pay_peer(struct state_sync *s)
{
	const enum peer_link_type accords =
	    s->held_len > 0 ? PEER_LINK_ACCORDS : PEER_LINK_ACCORDS_END;
	const enum peer_link_type type =
	    s->holds_events ? PEER_LINK_EVENTS : accords;

	if (!s->holds || s->calls->send(s->arg, type, s->held, s->held_len) < 0)
		return;
	s->holds = false;
	s->wanted_owed = true;
}

void
state_sync_pay(struct state_sync *s)
{
	pay_peer(s);
	pay_supervisor(s);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct state_sync *s = CONTAINER_OF(t, struct state_sync, again);

	state_sync_pay(s);
}

static void
on_mend(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct state_sync *s = CONTAINER_OF(t, struct state_sync, mend);

	s->calls->restart(s->arg, "the supervisor did not read");
}

void
state_sync_init(struct state_sync *s, struct ev_loop *loop, int supervisor,
    const struct state_sync_calls *calls, void *arg)
{
	*s = (struct state_sync){ .loop = loop,
		.supervisor = supervisor,
		.calls = calls,
		.arg = arg };
	ev_init(&s->again, on_again);
	ev_set_priority(&s->again, EV_MINPRI);
	ev_init(&s->mend, on_mend);
	ev_set_priority(&s->mend, EV_MINPRI);
}

void
state_sync_close(struct state_sync *s)
{
	if (s->loop == NULL)
		return;
	ev_timer_stop(s->loop, &s->again);
	ev_timer_stop(s->loop, &s->mend);
}

void
state_sync_meet_peer(struct state_sync *s)
{
	ev_timer_stop(s->loop, &s->mend);
	s->wire++;
	s->holds = false;
	s->wanted_owed = true;
	pay_supervisor(s);
}

bool
state_sync_take_from_peer(struct state_sync *s, const void *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct accord a;

	/* All of it or nothing. */
	while (b.pos < b.len)
		if (accord_get(&b, &a) < 0)
			return false;
	/*
	 * The peer believes that we have it; on a new wire it tells all. Until
	 * then the end of what it knows would be told for less.
	 */
	if (!ev_is_active(&s->mend) &&
	    channel_send(s->supervisor, MSG_ACCORDS, body, len, -1) < 0)
		timeout_arm(s->loop, &s->mend, MEND_MS / 1e3);
	return true;
}

bool
state_sync_take_events(struct state_sync *s, const void *body, size_t len)
{
	struct buf b = buf_reader(body, len);
	struct event e;

	while (b.pos < b.len)
		if (event_get(&b, &e) < 0)
			return false;
	if (len > 0 && !ev_is_active(&s->mend) &&
	    channel_send(s->supervisor, MSG_EVENTS, body, len, -1) < 0)
		timeout_arm(s->loop, &s->mend, MEND_MS / 1e3);
	return true;
}

int
state_sync_take(struct state_sync *s, const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	const uint32_t wire = buf_get_u32(&b);

	if (b.bad)
		return -EBADMSG;
	/* An earlier wire has asked for it; this one has asked for all. */
	if (wire != s->wire)
		return 0;
	if (s->holds)
		return -EBADMSG;
	s->holds = true;
	s->holds_events = p->type == MSG_EVENTS;
	s->held_len = b.len - b.pos;
	memcpy(s->held, p->body + b.pos, s->held_len);
	state_sync_pay(s);
	return 0;
}

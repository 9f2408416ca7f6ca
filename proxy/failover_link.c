#include "proxy/failover_link.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <string.h>

/* Checks and timers come between. */
#define PACKETS_A_TURN 32

#define AGAIN_S 0.05

static void
tell_supervisor(struct failover_link *l)
{
	struct buf b = BUF_WRITER(8);

	msg_put_lost(&b, &l->lost);
	if (channel_send(l->supervisor, MSG_SIBLING_LOST, b.data, b.pos, -1) ==
	    -EAGAIN)
		timeout_arm(l->loop, &l->again, AGAIN_S);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	tell_supervisor(CONTAINER_OF(t, struct failover_link, again));
}

static void
let_go(struct failover_link *l)
{
	ev_timer_stop(l->loop, &l->again);
	ev_io_stop(l->loop, &l->ready);
	channel_close(l->closer, &l->channel);
}

static void
lose(struct failover_link *l, bool refused)
{
	let_go(l);
	if (l->lost_at.ns == 0)
		l->lost_at = mono_now();
	l->lost = (struct msg_lost){ .id = l->id, .refused = refused };
	l->calls->on_lost(l->arg);
	tell_supervisor(l);
}

/* Returns as msg_intake_take(), or what became of the packet. */
static int
read_one(struct failover_link *l)
{
	struct channel_packet p;
	int e = msg_intake_take(
	    &l->intake, l->channel, l->calls->stage(l->arg), &p);

	if (e == 1)
		e = msg_intake_end(
		    &l->intake, &p, l->calls->on_packet(l->arg, &p));
	else if (e == 0)
		e = -EPIPE;
	return e;
}

static void
on_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct failover_link *l = CONTAINER_OF(io, struct failover_link, ready);
	char text[MSG_INTAKE_TEXT_MAX];
	int e = 0;

	for (unsigned i = 0; i < PACKETS_A_TURN && e == 0; i++) {
		if (l->channel == -1)
			return; /* lost by an answer */
		e = read_one(l);
	}
	if (e == 0 || e == -EAGAIN)
		return;
	if (e != -EPIPE)
		log_error("relay", "[process] %s sent %s, waiting for another",
		    l->calls->name, msg_intake_text(&l->intake, text));
	lose(l, e != -EPIPE);
}

int
failover_link_take(struct failover_link *l, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;

	if (msg_get_ask(&b, &m) < 0)
		return -EBADMSG;
	let_go(l);
	l->id = m.id;
	l->channel = fd_take(&p->fd);
	l->lost_at = (struct mono){ 0 };
	l->intake =
	    msg_intake_init(l->calls->from, MSG_RIGHTS_RELAY, l->closer);
	ev_io_set(&l->ready, l->channel, EV_READ);
	ev_io_start(l->loop, &l->ready);
	return 0;
}

static int
say(struct failover_link *l, enum msg_type type, const struct buf *body)
{
	if (l->channel == -1)
		return 0;
	return channel_send(l->channel, (uint16_t)type,
	    body ? body->data : NULL, body ? body->pos : 0, -1);
}

bool
failover_link_offer(
    struct failover_link *l, enum msg_type type, const struct buf *body)
{
	const int e = say(l, type, body);

	if (e < 0 && e != -EAGAIN)
		lose(l, false);
	return e != -EAGAIN;
}

void
failover_link_send(
    struct failover_link *l, enum msg_type type, const struct buf *body)
{
	const int e = say(l, type, body);

	if (e == 0)
		return;
	/* It knows less than we have told from now on: all of it anew. */
	if (e == -EAGAIN)
		log_warning("relay",
		    "[process] %s does not take messages, waiting for another channel",
		    l->calls->name);
	lose(l, false);
}

void
failover_link_init(struct failover_link *l, struct ev_loop *loop,
    int supervisor, const struct failover_link_calls *calls, void *arg)
{
	*l = (struct failover_link){ .loop = loop,
		.calls = calls,
		.arg = arg,
		.channel = -1,
		.supervisor = supervisor };
	ev_init(&l->ready, on_ready);
	ev_timer_init(&l->again, on_again, 0., 0.);
}

void
failover_link_close(struct failover_link *l)
{
	let_go(l);
}

#include "core/sibling_channel.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/timeout.h"

#include <errno.h>

/* The supervisor's channel was full. */
#define AGAIN_S 0.05

static void
tell_supervisor(struct sibling_channel *c)
{
	struct buf b = BUF_WRITER(8);

	msg_put_lost(&b, &c->lost);
	if (channel_send(c->setup.supervisor, MSG_SIBLING_LOST, b.data, b.pos,
	        -1) == -EAGAIN)
		timeout_arm(c->setup.loop, &c->again, AGAIN_S);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	ev_timer_stop(loop, t);
	tell_supervisor(CONTAINER_OF(t, struct sibling_channel, again));
}

void
sibling_channel_close(struct sibling_channel *c)
{
	ev_timer_stop(c->setup.loop, &c->again);
	ev_io_stop(c->setup.loop, &c->ready);
	channel_close(c->setup.closer, &c->fd);
}

static void
lose(struct sibling_channel *c, const char *sent)
{
	sibling_channel_close(c);
	c->lost = (struct msg_lost){ .id = c->id, .refused = sent != NULL };
	if (c->setup.on_lost(c->setup.arg, sent))
		tell_supervisor(c);
}

void
sibling_channel_lose(struct sibling_channel *c)
{
	lose(c, NULL);
}

/* Returns as msg_intake_take(), or what became of the packet. */
static int
read_one(struct sibling_channel *c)
{
	const struct sibling_channel_setup *s = &c->setup;
	struct channel_packet p;
	int e = msg_intake_take(&c->intake, c->fd,
	    s->stage != NULL ? s->stage(s->arg) : MSG_RIGHTS_WORKING, &p);

	if (e == 1)
		return msg_intake_end(&c->intake, &p, s->obey(s->arg, &p));
	return e == 0 ? -EPIPE : e;
}

/* What else there is comes between, and the rest in the next turn. */
static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct sibling_channel *c =
	    CONTAINER_OF(w, struct sibling_channel, ready);
	char text[MSG_INTAKE_TEXT_MAX];
	int e = 0;

	for (unsigned i = 0; i < c->setup.packets && e == 0; i++) {
		if (c->fd == -1)
			return; /* lost by an answer */
		e = read_one(c);
	}
	if (c->setup.on_turn != NULL)
		c->setup.on_turn(c->setup.arg);
	if (e == -EPIPE)
		lose(c, NULL);
	else if (e < 0 && e != -EAGAIN)
		lose(c, msg_intake_text(&c->intake, text));
}

int
sibling_channel_take(struct sibling_channel *c, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;

	if (msg_get_ask(&b, &m) < 0)
		return -EBADMSG;
	sibling_channel_close(c);
	c->fd = fd_take(&p->fd);
	c->id = m.id;
	c->intake =
	    msg_intake_init(c->setup.from, c->setup.to, c->setup.closer);
	return 0;
}

void
sibling_channel_listen(struct sibling_channel *c)
{
	ev_io_set(&c->ready, c->fd, EV_READ);
	ev_io_start(c->setup.loop, &c->ready);
}

int
sibling_channel_send(
    struct sibling_channel *c, enum msg_type type, const struct buf *body)
{
	if (c->fd == -1)
		return -ENOTCONN;
	if (body != NULL && body->bad)
		return -EMSGSIZE;
	return channel_send(c->fd, (uint16_t)type,
	    body != NULL ? body->data : NULL, body != NULL ? body->pos : 0, -1);
}

void
sibling_channel_init(
    struct sibling_channel *c, const struct sibling_channel_setup *setup)
{
	*c = (struct sibling_channel){ .setup = *setup, .fd = -1 };
	ev_init(&c->ready, on_ready);
	ev_init(&c->again, on_again);
}

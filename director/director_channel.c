#include "director/director_channel.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/log.h"
#include "director/director_role.h"
#include "director/director_turn.h"

#include <errno.h>

/* Somebody's channel was full. */
#define AGAIN_S 0.05

static const char *
name_of(const struct director_channel *c)
{
	return c->from == MSG_RIGHTS_FAILOVER ? "failover" : "relay";
}

static void
tell_supervisor(struct director_channel *c)
{
	struct buf b = BUF_WRITER(8);

	msg_put_lost(&b, &c->lost);
	c->owes_lost = channel_send(c->role->supervisor, MSG_SIBLING_LOST,
	                   b.data, b.pos, -1) == -EAGAIN;
}

static void
lose(struct director_channel *c, bool refused)
{
	char why[MSG_INTAKE_TEXT_MAX];

	ev_io_stop(c->role->loop, &c->ready);
	channel_close(c->role->closer, &c->fd);
	if (refused)
		log_warning("director",
		    "[process] %s: it sent %s, going on without it until there is another channel",
		    name_of(c), msg_intake_text(&c->intake, why));
	c->lost = (struct msg_lost){ .id = c->id, .refused = refused };
	tell_supervisor(c);
}

static void
on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct director_channel *c = w->data;
	struct channel_packet p;
	int e = msg_intake_take(&c->intake, c->fd, MSG_RIGHTS_WORKING, &p);

	if (e == -EAGAIN)
		return;
	if (e == 0) {
		lose(c, false);
		return;
	}
	if (e == 1)
		e = msg_intake_end(&c->intake, &p, c->obey(c->role, &p));
	director_turn_flush(c->role);
	if (e < 0)
		lose(c, true);
	else if (c->on_turn != NULL)
		c->on_turn(c->role);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_channel *c = w->data;

	if (c->owes_lost)
		tell_supervisor(c);
	if (c->fd != -1 && c->on_turn != NULL)
		c->on_turn(c->role);
}

void
director_channel_init(struct director_channel *c, struct director_role *role,
    enum msg_rights_party from,
    int (*obey)(struct director_role *role, const struct channel_packet *p))
{
	*c = (struct director_channel){
		.role = role, .from = from, .obey = obey, .fd = -1
	};
	ev_init(&c->ready, on_ready);
	ev_timer_init(&c->again, on_again, AGAIN_S, AGAIN_S);
	c->ready.data = c->again.data = c;
}

void
director_channel_close(struct director_channel *c)
{
	ev_io_stop(c->role->loop, &c->ready);
	ev_timer_stop(c->role->loop, &c->again);
	channel_close(c->role->closer, &c->fd);
}

static void
listen_to(struct director_channel *c)
{
	if (c->fd == -1 || !c->begun)
		return;
	ev_io_set(&c->ready, c->fd, EV_READ);
	ev_io_start(c->role->loop, &c->ready);
	ev_timer_start(c->role->loop, &c->again);
	if (c->on_new != NULL)
		c->on_new(c->role);
}

void
director_channel_begin(struct director_channel *c)
{
	c->begun = true;
	listen_to(c);
}

int
director_channel_take(struct director_channel *c, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_ask m;

	if (msg_get_ask(&b, &m) < 0)
		return -EBADMSG;
	ev_io_stop(c->role->loop, &c->ready);
	channel_close(c->role->closer, &c->fd);
	c->fd = fd_take(&p->fd);
	c->id = m.id;
	c->owes_lost = false;
	c->intake =
	    msg_intake_init(c->from, MSG_RIGHTS_DIRECTOR, c->role->closer);
	listen_to(c);
	return 0;
}

bool
director_channel_send(
    struct director_channel *c, enum msg_type type, const struct buf *b)
{
	return c->fd != -1 && !b->bad &&
	    channel_send(c->fd, (uint16_t)type, b->data, b->pos, -1) == 0;
}

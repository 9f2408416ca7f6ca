#include "hapair/supervisor/role_channel.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <string.h>

/*
 * A process that ends closes its channel to the other role before the one to
 * us, and is introduced when it has been started again. So a loss is mended a
 * moment later, if it is one of two that live. A node waits for 250 ms before
 * it is at fault.
 */
#define AGAIN_MS 25

/* Losses that are further apart have nothing to do with each other. */
#define ROW_MS 10000
#define ROW_MAX 3

static void
again_later(struct role_channel *i)
{
	i->lost = true;
	if (!ev_is_active(&i->again))
		timeout_arm(i->loop, &i->again, AGAIN_MS / 1e3);
}

/* Returns 0 or -errno: -EPIPE where it is about to be reported as ended. */
static int
send_end(const struct child *to, uint32_t id, int fd)
{
	const struct msg_ask m = { .id = id };
	struct buf b = BUF_WRITER(8);

	msg_put_ask(&b, &m);
	return channel_send(to->channel, MSG_SIBLING, b.data, b.pos, fd);
}

/*
 * The relay first: where it has ended already, failover is told nothing, or it
 * would lose it at once, and say so.
 */
static int
introduce(struct role_channel *i)
{
	CLEANUP(fd_close) int a = -1;
	CLEANUP(fd_close) int b = -1;
	int ends[2];
	int e = channel_pair(ends);

	if (e < 0)
		return e;
	a = ends[0];
	b = ends[1];
	i->id++;
	e = send_end(i->relay, i->id, a);
	if (e == 0)
		e = send_end(i->failover, i->id, b);
	return e;
}

void
role_channel_make(struct role_channel *i)
{
	int e;

	ev_timer_stop(i->loop, &i->again);
	if (i->failover->channel == -1 || i->relay->channel == -1)
		return;
	i->made = mono_now();
	i->lost = false;
	e = introduce(i);
	/* Whose channel has ended is started again, and introduced then. */
	if (e == 0 || e == -EPIPE || e == -ECONNRESET)
		return;
	log_error("supervisor",
	    "[process] failover and the relay cannot be introduced: %s, trying again",
	    strerror(-e));
	again_later(i);
}

static void
restart_relay(struct role_channel *i, const char *why)
{
	log_error(i->relay->name, "[process] %s, restarting it", why);
	child_kill(i->relay);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct role_channel *i = CONTAINER_OF(t, struct role_channel, again);

	ev_timer_stop(loop, t);
	if (i->failover->channel == -1 || i->relay->channel == -1)
		return; /* its start introduces */
	i->row = mono_span_ms(i->made, mono_now()) < ROW_MS ? i->row + 1 : 1;
	if (i->row <= ROW_MAX) {
		role_channel_make(i);
		return;
	}
	i->row = 0;
	restart_relay(i, "it and failover keep losing each other");
}

int
role_channel_take_lost(struct role_channel *i, const struct child *who,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_lost m;

	if (msg_get_lost(&b, &m) < 0)
		return -EBADMSG;
	if (m.id != i->id || i->relay->stopping)
		return 0; /* an earlier one, or nobody needs it any more */
	if (who == i->failover && m.refused) {
		i->lost = true;
		restart_relay(i, "failover refuses what it sent");
	} else if (!i->lost) {
		again_later(i);
	}
	return 0;
}

void
role_channel_init(struct role_channel *i, struct ev_loop *loop,
    struct child *failover, struct child *relay)
{
	*i = (struct role_channel){
		.loop = loop, .failover = failover, .relay = relay
	};
	ev_timer_init(&i->again, on_again, 0., 0.);
}

void
role_channel_stop(struct role_channel *i)
{
	if (i->loop != NULL)
		ev_timer_stop(i->loop, &i->again);
}

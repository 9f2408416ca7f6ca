#include "hapair/supervisor/role_channel.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <stdio.h>
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

/* Numbers of their own: a loss is told by its number alone. */
#define ID_DIRECTOR_FAILOVER 0x80000000u
#define ID_DIRECTOR_RELAY 0xc0000000u
#define ID_KIND 0xc0000000u

static uint32_t
kind_of(const struct role_channel *i)
{
	if (i->spare->party != MSG_RIGHTS_DIRECTOR)
		return 0;
	return i->other->party == MSG_RIGHTS_RELAY ? ID_DIRECTOR_RELAY
	                                           : ID_DIRECTOR_FAILOVER;
}

/* What the one gets its end of a channel to the other by. */
static enum msg_type
type_of(const struct child *one, const struct child *other)
{
	if (other->party == MSG_RIGHTS_DIRECTOR)
		return MSG_DIRECTOR_CHANNEL;
	if (one->party != MSG_RIGHTS_DIRECTOR)
		return MSG_SIBLING;
	return other->party == MSG_RIGHTS_RELAY ? MSG_RELAY_CHANNEL
	                                        : MSG_FAILOVER_CHANNEL;
}

static void
again_later(struct role_channel *i)
{
	i->lost = true;
	if (!ev_is_active(&i->again))
		timeout_arm(i->loop, &i->again, AGAIN_MS / 1e3);
}

/* Returns 0 or -errno: -EPIPE where it is about to be reported as ended. */
static int
send_end(const struct role_channel *i, const struct child *one,
    const struct child *other, int fd)
{
	const struct msg_ask m = { .id = i->id };
	struct buf b = BUF_WRITER(8);

	msg_put_ask(&b, &m);
	return channel_send(
	    one->channel, (uint16_t)type_of(one, other), b.data, b.pos, fd);
}

/*
 * The spare first: where it has ended already, the other is told nothing, or it
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
	i->id = kind_of(i) | ((i->id + 1) & ~ID_KIND);
	e = send_end(i, i->spare, i->other, a);
	if (e == 0)
		e = send_end(i, i->other, i->spare, b);
	return e;
}

static bool
is_apart(const struct role_channel *i)
{
	return i->other->channel == -1 || i->spare->channel == -1;
}

void
role_channel_make(struct role_channel *i)
{
	int e;

	ev_timer_stop(i->loop, &i->again);
	if (is_apart(i))
		return;
	i->made = mono_now();
	i->lost = false;
	e = introduce(i);
	/* Whose channel has ended is started again, and introduced then. */
	if (e == 0 || e == -EPIPE || e == -ECONNRESET)
		return;
	log_error("supervisor",
	    "[process] %s and %s cannot be introduced: %s, trying again",
	    i->other->name, i->spare->name, strerror(-e));
	again_later(i);
}

static void
restart_spare(struct role_channel *i, const char *why)
{
	log_error(i->spare->name, "[process] %s, restarting it", why);
	child_kill(i->spare);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct role_channel *i = CONTAINER_OF(t, struct role_channel, again);
	char why[64];

	ev_timer_stop(loop, t);
	if (is_apart(i))
		return; /* its start introduces */
	i->row = mono_span_ms(i->made, mono_now()) < ROW_MS ? i->row + 1 : 1;
	if (i->row <= ROW_MAX) {
		role_channel_make(i);
		return;
	}
	i->row = 0;
	(void)snprintf(why, sizeof(why), "it and %s keep losing each other",
	    i->other->name);
	restart_spare(i, why);
}

int
role_channel_take_lost(struct role_channel *i, const struct child *who,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_lost m;
	char why[64];

	if (msg_get_lost(&b, &m) < 0)
		return -EBADMSG;
	if ((m.id & ID_KIND) != kind_of(i))
		return 0;
	if (who != i->spare && who != i->other)
		return -EBADMSG;
	if (m.id != i->id || i->spare->stopping)
		return 1; /* an earlier one, or nobody needs it any more */
	if (who == i->other && m.refused) {
		i->lost = true;
		(void)snprintf(why, sizeof(why), "%s refuses what it sent",
		    i->other->name);
		restart_spare(i, why);
	} else if (!i->lost) {
		again_later(i);
	}
	return 1;
}

void
role_channel_init(struct role_channel *i, struct ev_loop *loop,
    struct child *other, struct child *spare)
{
	*i = (struct role_channel){
		.loop = loop, .other = other, .spare = spare
	};
	ev_timer_init(&i->again, on_again, 0., 0.);
}

void
role_channel_stop(struct role_channel *i)
{
	if (i->loop != NULL)
		ev_timer_stop(i->loop, &i->again);
}

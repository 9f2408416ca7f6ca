#include "hapair/supervisor/director_meeting.h"

#include "core/buf.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/timeout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* As with role_channel.c: who ends is introduced when it is there again. */
#define AGAIN_MS 25
#define ROW_MS 10000
#define ROW_MAX 3

/* Numbers of their own: a loss is told by its number alone. */
#define ID_FAILOVER 0x80000000u
#define ID_RELAY 0xc0000000u
#define ID_KIND 0xc0000000u

static uint32_t
kind_of(const struct director_meeting *i)
{
	return i->type == MSG_RELAY_CHANNEL ? ID_RELAY : ID_FAILOVER;
}

static void
again_later(struct director_meeting *i)
{
	i->lost = true;
	if (!ev_is_active(&i->again))
		timeout_arm(i->loop, &i->again, AGAIN_MS / 1e3);
}

/* Returns 0 or -errno: -EPIPE where it is about to be reported as ended. */
static int
send_end(const struct child *to, enum msg_type type, uint32_t id, int fd)
{
	const struct msg_ask m = { .id = id };
	struct buf b = BUF_WRITER(8);

	msg_put_ask(&b, &m);
	return channel_send(to->channel, (uint16_t)type, b.data, b.pos, fd);
}

static int
introduce(struct director_meeting *i)
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
	e = send_end(i->director, i->type, i->id, a);
	if (e == 0)
		e = send_end(i->other, MSG_DIRECTOR_CHANNEL, i->id, b);
	return e;
}

static bool
is_apart(const struct director_meeting *i)
{
	return i->director->channel == -1 || i->other->channel == -1;
}

void
director_meeting_make(struct director_meeting *i)
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
	    "[process] the director and %s cannot be introduced: %s, trying again",
	    i->other->name, strerror(-e));
	again_later(i);
}

static void
restart_director(struct director_meeting *i, const char *why)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s %s", i->other->name, why);
	log_error(i->director->name, "[process] %s, restarting it", text);
	child_kill(i->director);
}

static void
on_again(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct director_meeting *i =
	    CONTAINER_OF(t, struct director_meeting, again);

	ev_timer_stop(loop, t);
	if (is_apart(i))
		return; /* its start introduces */
	i->row = mono_span_ms(i->made, mono_now()) < ROW_MS ? i->row + 1 : 1;
	if (i->row <= ROW_MAX) {
		director_meeting_make(i);
		return;
	}
	i->row = 0;
	restart_director(i, "and it keep losing each other");
}

int
director_meeting_take_lost(struct director_meeting *i, const struct child *who,
    const struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);
	struct msg_lost m;

	if (msg_get_lost(&b, &m) < 0)
		return -EBADMSG;
	if ((m.id & ID_KIND) != kind_of(i))
		return 0;
	if (who != i->director && who != i->other)
		return -EBADMSG;
	if (m.id != i->id || i->director->stopping || i->lost)
		return 1; /* an earlier one, or nobody needs it any more */
	if (who == i->other && m.refused) {
		i->lost = true;
		restart_director(i, "refuses what it sent");
	} else {
		again_later(i);
	}
	return 1;
}

void
director_meeting_init(struct director_meeting *i, struct ev_loop *loop,
    struct child *director, struct child *other)
{
	*i = (struct director_meeting){ .loop = loop,
		.director = director,
		.other = other,
		.type = other->party == MSG_RIGHTS_RELAY
		    ? MSG_RELAY_CHANNEL
		    : MSG_FAILOVER_CHANNEL };
	ev_timer_init(&i->again, on_again, 0., 0.);
}

void
director_meeting_stop(struct director_meeting *i)
{
	if (i->loop != NULL)
		ev_timer_stop(i->loop, &i->again);
}

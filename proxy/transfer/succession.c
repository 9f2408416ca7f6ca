#include "proxy/transfer/succession.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/fd.h"
#include "core/msg.h"
#include "proxy/services.h"
#include "proxy/transfer/predecessor.h"
#include "proxy/transfer/successor.h"

#include <errno.h>
#include <stdlib.h>

static void
say(struct succession *s, enum msg_type type, const struct buf *body)
{
	if (channel_send(s->supervisor, (uint16_t)type,
	        body != NULL ? body->data : NULL, body != NULL ? body->pos : 0,
	        -1) < 0)
		s->quit(s->arg, EXIT_FAILURE);
}

static bool
on_past_wanted(void *arg)
{
	struct succession *s = arg;

	return s->past_wanted != NULL && s->past_wanted(s->arg);
}

static void
on_past(void *arg, int *fd, uint32_t len)
{
	struct succession *s = arg;

	if (s->past_told != NULL)
		s->past_told(s->arg, fd, len);
	fd_close(fd);
}

void
succession_give_past(struct succession *s, int *fd, uint32_t len)
{
	if (s->successor != NULL)
		successor_give_past(s->successor, fd, len);
	fd_close(fd);
}

static void
on_served(void *arg)
{
	struct succession *s = arg;

	if (s->serves != NULL)
		s->serves(s->arg, false);
}

static void
on_given(void *arg, unsigned left)
{
	struct succession *s = arg;
	const struct msg_given m = { .left = left };
	struct buf b = BUF_WRITER(16);

	msg_put_given(&b, &m);
	say(s, MSG_GIVEN, &b);
	s->given = left == 0;
	succession_note_unwatched(s);
}

static void
on_lost(void *arg)
{
	struct succession *s = arg;

	successor_free(s->successor);
	s->successor = NULL;
}

static void
on_dropped(void *arg, unsigned group)
{
	struct succession *s = arg;

	s->dropped(s->arg, group);
}

static void
on_taking(void *arg)
{
	say(arg, MSG_TAKING, NULL);
}

static void
on_taken(void *arg)
{
	struct succession *s = arg;

	say(s, MSG_TAKEN, NULL);
	if (s->serves != NULL)
		s->serves(s->arg, true);
}

static void
on_failed(void *arg)
{
	struct succession *s = arg;

	s->quit(s->arg, EXIT_FAILURE);
}

static int
take_predecessor(struct succession *s, int *fd)
{
	static const struct predecessor_calls calls = { .on_taking = on_taking,
		.on_taken = on_taken,
		.on_past = on_past,
		.on_failed = on_failed };

	if (s->services->started || s->predecessor != NULL)
		return -EBADMSG;
	s->predecessor = predecessor_new(s->services, fd, &calls, s);
	return s->predecessor != NULL ? 0 : -ENOMEM;
}

static int
take_successor(struct succession *s, int *fd)
{
	static const struct successor_calls calls = { .on_past_wanted =
		                                          on_past_wanted,
		.on_served = on_served,
		.on_given = on_given,
		.on_dropped = on_dropped,
		.on_lost = on_lost };

	if (!s->services->started || s->successor != NULL)
		return -EBADMSG;
	s->successor = successor_new(s->services, fd, &calls, s);
	return s->successor != NULL ? 0 : -ENOMEM;
}

int
succession_take(struct succession *s, struct channel_packet *packet)
{
	if (packet->fd == -1 || s->services->shared.n_workers == 0)
		return -EBADMSG;
	return packet->type == MSG_PREDECESSOR
	    ? take_predecessor(s, &packet->fd)
	    : take_successor(s, &packet->fd);
}

bool
succession_begin(struct succession *s)
{
	if (s->predecessor != NULL)
		predecessor_begin(s->predecessor);
	return s->predecessor != NULL;
}

void
succession_drop(struct succession *s, unsigned group)
{
	if (s->predecessor != NULL)
		predecessor_note_dropped(s->predecessor, group);
	if (s->successor == NULL || !successor_drop(s->successor, group))
		s->dropped(s->arg, group);
}

void
succession_note_unwatched(struct succession *s)
{
	if (s->given && *s->failover == -1)
		s->quit(s->arg, EXIT_SUCCESS);
}

void
succession_fini(struct succession *s)
{
	successor_free(s->successor);
	predecessor_free(s->predecessor);
	s->successor = NULL;
	s->predecessor = NULL;
}

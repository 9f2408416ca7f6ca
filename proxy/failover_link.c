#include "proxy/failover_link.h"

#include "core/log.h"

#include <errno.h>
#include <string.h>

/* Checks and timers come between. */
#define PACKETS_A_TURN 32

static bool
on_lost(void *arg, const char *sent)
{
	struct failover_link *l = arg;

	if (sent != NULL)
		log_error("relay", "[process] %s sent %s, waiting for another",
		    l->calls->name, sent);
	if (l->lost_at.ns == 0)
		l->lost_at = mono_now();
	l->calls->on_lost(l->arg);
	return true;
}

static enum msg_rights_stage
stage(void *arg)
{
	const struct failover_link *l = arg;

	return l->calls->stage(l->arg);
}

static int
obey(void *arg, const struct channel_packet *p)
{
	struct failover_link *l = arg;

	return l->calls->on_packet(l->arg, p);
}

int
failover_link_take(struct failover_link *l, struct channel_packet *p)
{
	int e = sibling_channel_take(&l->channel, p);

	if (e < 0)
		return e;
	l->lost_at = (struct mono){ 0 };
	sibling_channel_listen(&l->channel);
	return 0;
}

bool
failover_link_offer(
    struct failover_link *l, enum msg_type type, const struct buf *body)
{
	const int e = sibling_channel_send(&l->channel, type, body);

	if (e < 0 && e != -EAGAIN && e != -ENOTCONN)
		sibling_channel_lose(&l->channel);
	return e != -EAGAIN;
}

void
failover_link_send(
    struct failover_link *l, enum msg_type type, const struct buf *body)
{
	const int e = sibling_channel_send(&l->channel, type, body);

	if (e == 0 || e == -ENOTCONN)
		return;
	/* It knows less than we have told from now on: all of it anew. */
	if (e == -EAGAIN)
		log_warning("relay",
		    "[process] %s does not take messages, waiting for another channel",
		    l->calls->name);
	sibling_channel_lose(&l->channel);
}

void
failover_link_init(struct failover_link *l, struct ev_loop *loop,
    int supervisor, const struct failover_link_calls *calls, void *arg)
{
	const struct sibling_channel_setup setup = { .loop = loop,
		.supervisor = supervisor,
		.from = calls->from,
		.to = MSG_RIGHTS_RELAY,
		.packets = PACKETS_A_TURN,
		.arg = l,
		.stage = stage,
		.obey = obey,
		.on_lost = on_lost };

	*l = (struct failover_link){ .calls = calls, .arg = arg };
	sibling_channel_init(&l->channel, &setup);
}

void
failover_link_close(struct failover_link *l)
{
	sibling_channel_close(&l->channel);
}

#include "director/director_channel.h"

#include "core/log.h"
#include "director/director_role.h"
#include "director/director_turn.h"

/* The other's channel was full. */
#define AGAIN_S 0.05

static const char *
name_of(const struct director_channel *c)
{
	return c->channel.setup.from == MSG_RIGHTS_FAILOVER ? "failover"
	                                                    : "relay";
}

static bool
on_lost(void *arg, const char *sent)
{
	const struct director_channel *c = arg;

	if (sent != NULL)
		log_warning("director",
		    "[process] %s: it sent %s, going on without it until there is another channel",
		    name_of(c), sent);
	return true;
}

static int
obey(void *arg, const struct channel_packet *p)
{
	struct director_channel *c = arg;

	return c->obey(c->role, p);
}

static void
on_turn(void *arg)
{
	struct director_channel *c = arg;

	director_turn_flush(c->role);
	if (c->on_turn != NULL)
		c->on_turn(c->role);
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct director_channel *c =
	    CONTAINER_OF(w, struct director_channel, again);

	if (c->channel.fd != -1 && c->on_turn != NULL)
		c->on_turn(c->role);
}

void
director_channel_init(struct director_channel *c, struct director_role *role,
    enum msg_rights_party from,
    int (*obey_packet)(
        struct director_role *role, const struct channel_packet *p))
{
	const struct sibling_channel_setup setup = { .loop = role->loop,
		.closer = role->closer,
		.supervisor = role->supervisor,
		.from = from,
		.to = MSG_RIGHTS_DIRECTOR,
		.packets = 1,
		.arg = c,
		.obey = obey,
		.on_turn = on_turn,
		.on_lost = on_lost };

	*c = (struct director_channel){ .role = role, .obey = obey_packet };
	sibling_channel_init(&c->channel, &setup);
	ev_timer_init(&c->again, on_again, AGAIN_S, AGAIN_S);
}

void
director_channel_close(struct director_channel *c)
{
	ev_timer_stop(c->role->loop, &c->again);
	sibling_channel_close(&c->channel);
}

static void
listen_to(struct director_channel *c)
{
	if (c->channel.fd == -1 || !c->begun)
		return;
	sibling_channel_listen(&c->channel);
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
	int e = sibling_channel_take(&c->channel, p);

	if (e == 0)
		listen_to(c);
	return e;
}

bool
director_channel_send(
    struct director_channel *c, enum msg_type type, const struct buf *b)
{
	return sibling_channel_send(&c->channel, type, b) == 0;
}

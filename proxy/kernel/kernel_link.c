#include "proxy/kernel/kernel_link.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "proxy/services.h"

#include <errno.h>

/* Longer than another director takes to begin. */
#define RESTART_MS 3000

/* Of the two it is the one that is told when. */
static enum msg_rights_stage
stage_of(void *arg)
{
	(void)arg;
	return MSG_RIGHTS_WORKING;
}

static int
on_packet(void *arg, const struct channel_packet *p)
{
	struct kernel_link *k = arg;

	switch (p->type) {
	case MSG_KERNEL_CONN:
	case MSG_KERNEL_LIST_END:
	case MSG_KERNEL_KILLED:
		return kernel_query_take(&k->query, p);
	default: /* not an enum: a number from another process */
		return kernel_view_take(&k->view, p);
	}
}

static void
on_lost(void *arg)
{
	struct kernel_link *k = arg;

	k->awaited = mono_now();
	kernel_feed_stop(&k->feed);
	kernel_query_lose(&k->query);
}

void
kernel_link_init(struct kernel_link *k, struct ev_loop *loop, int supervisor,
    struct closer *closer)
{
	static const struct failover_link_calls calls = {
		.from = MSG_RIGHTS_DIRECTOR,
		.name = "the director",
		.stage = stage_of,
		.on_packet = on_packet,
		.on_lost = on_lost,
	};

	*k = (struct kernel_link){ .begun = false };
	failover_link_init(&k->link, loop, supervisor, &calls, k);
	k->link.channel.setup.closer = closer;
}

void
kernel_link_fini(struct kernel_link *k)
{
	failover_link_close(&k->link);
	kernel_feed_fini(&k->feed);
	kernel_query_fini(&k->query);
	kernel_view_fini(&k->view);
}

int
kernel_link_begin(struct kernel_link *k, struct services *services)
{
	int e = 0;

	/* Where no service has the path, one may be there for what is left. */
	k->begun = services->shared.config->has_pair;
	k->wanted = config_has_kernel(services->shared.config);
	if (!k->begun)
		return 0;
	k->awaited = mono_now();
	e = kernel_view_init(&k->view, services);
	if (e == 0)
		e = kernel_feed_init(
		    &k->feed, k->link.channel.setup.loop, &k->link, services);
	kernel_query_init(&k->query, k->link.channel.setup.loop, &k->link,
	    services->shared.config, &k->view);
	return e;
}

void
kernel_link_start(struct kernel_link *k)
{
	k->tells = k->begun;
	if (k->tells && kernel_link_is_up(k))
		kernel_feed_begin(&k->feed);
}

static int
take_channel(struct kernel_link *k, struct channel_packet *p)
{
	int e = failover_link_take(&k->link, p);

	if (e < 0)
		return e;
	/* What was asked on the one before is not answered. */
	kernel_query_lose(&k->query);
	if (k->tells)
		kernel_feed_begin(&k->feed);
	return 0;
}

void
kernel_link_look(struct kernel_link *k, struct pool *pool)
{
	if (k->tells)
		kernel_feed_look(&k->feed, pool);
}

int
kernel_link_take(struct kernel_link *k, struct channel_packet *p)
{
	struct buf b = buf_reader(p->body, p->len);

	if (!k->begun)
		return -EBADMSG;
	return p->type == MSG_DIRECTOR_CHANNEL ? take_channel(k, p)
	                                       : msg_get_ends(&b, &k->ends);
}

bool
kernel_link_is_shown(const struct kernel_link *k, struct mono now)
{
	return k->wanted || (k->view.is_said && !kernel_link_is_gone(k, now));
}

bool
kernel_link_is_up(const struct kernel_link *k)
{
	return k->link.channel.fd != -1;
}

bool
kernel_link_is_gone(const struct kernel_link *k, struct mono now)
{
	return !kernel_link_is_up(k) &&
	    mono_before(mono_add_ms(k->awaited, RESTART_MS), now);
}

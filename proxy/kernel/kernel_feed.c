#include "proxy/kernel/kernel_feed.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/kernel/msg_kernel.h"
#include "core/mono.h"
#include "proxy/data/end_reason.h"
#include "proxy/failover_link.h"
#include "proxy/kernel/kernel_end.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How often connections of our own are told, which come and go by thousands. */
#define TICK_S 0.1

/* The director did not read all that there was to say. */
#define AGAIN_S 0.01

#define BODY_MAX 64

/* Of a server: what was said last, on this channel. */
struct kernel_feed_told {
	bool is_said;
	struct msg_kernel_server said; /* without its age */
	struct mono up_since;
	unsigned era; /* of the last cut, on any channel */
};

static bool
is_passed_on(const struct pool *p)
{
	return p->config->path == CONFIG_PATH_KERNEL;
}

/* One that is relayed by now may have connections from before, to be ended. */
static bool
is_told_of(const struct kernel_feed *f, const struct pool *p)
{
	return is_passed_on(p) ||
	    f->services->kernel_services[p->index].sum.active > 0;
}

/*
 * Before its first checks have ended nobody knows who serves, and a director
 * that has been told by the relay before this one need not be told otherwise.
 */
static bool
is_known(const struct kernel_feed *f, struct pool *p)
{
	return !f->services->waits && atomic_load(&p->open);
}

static struct msg_kernel_server
describe(const struct kernel_feed *f, const struct pool *p, size_t i,
    const struct pool_view *view)
{
	const struct pool_server *s = &p->servers[i];
	struct msg_kernel_server m;

	/* Padding, too: they are compared. */
	memset(&m, 0, sizeof(m));
	m.service = (uint16_t)p->index;
	m.server = (uint16_t)i;
	if (view->has_address)
		m.at = kernel_end_of(&view->address);
	/* A name may have become one of our own addresses meanwhile. */
	m.usable = is_passed_on(p) && view->usable &&
	    !config_has_address(f->services->shared.config, &view->address);
	m.tier = (uint8_t)(s->tier < UINT8_MAX ? s->tier : UINT8_MAX);
	m.weight = view->weight;
	m.limit = s->config->max_connections;
	m.slow_start_ms = s->config->slow_start_ms;
	m.elsewhere = view->load - view->kernel;
	return m;
}

static bool
tell_server(const struct kernel_feed *f, const struct msg_kernel_server *is,
    struct mono up_since)
{
	struct msg_kernel_server m = *is;
	struct buf b = BUF_WRITER(BODY_MAX);

	m.up_ms =
	    mono_is_never(up_since) ? -1 : mono_span_ms(up_since, mono_now());
	msg_kernel_put_server(&b, &m);
	return failover_link_offer(f->link, MSG_KERNEL_SERVER, &b);
}

static bool
tell_cut(const struct kernel_feed *f, const struct pool *p, size_t i)
{
	const bool drained = atomic_load(&p->servers[i].drain_is_over);
	const struct msg_kernel_cut m = { .service = (uint16_t)p->index,
		.server = (uint16_t)i,
		.reason = (uint8_t)(drained ? END_REASON_DRAINED
		                            : END_REASON_SERVER_DOWN) };
	struct buf b = BUF_WRITER(BODY_MAX);

	msg_kernel_put_cut(&b, &m);
	return failover_link_offer(f->link, MSG_KERNEL_CUT, &b);
}

/* False: the rest has to wait. */
static bool
tell_changes(struct kernel_feed *f, struct pool *p, size_t i)
{
	struct pool_server *s = &p->servers[i];
	struct kernel_feed_told *t = &f->told[s->slot];
	const unsigned era = atomic_load(&s->era);
	struct msg_kernel_server now;
	struct pool_view view;
	bool is_out;

	pool_look(p, s, &view);
	now = describe(f, p, i, &view);
	/* A relay before this one may have said so, and not been heard. */
	is_out = view.admin == ACCORD_MAINT || !view.active;
	if (!t->is_said || memcmp(&now, &t->said, sizeof(now)) != 0 ||
	    view.up_since.ns != t->up_since.ns) {
		if (!tell_server(f, &now, view.up_since))
			return false;
		/* First where nobody goes, then who leaves it. */
		if (!t->is_said && is_out && era == t->era)
			t->era = era - 1;
		t->said = now;
		t->up_since = view.up_since;
		t->is_said = true;
	}
	if (era != t->era && !tell_cut(f, p, i))
		return false;
	t->era = era;
	return true;
}

static bool
tell_pool(struct kernel_feed *f, struct pool *p)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (!tell_changes(f, p, i))
			return false;
	return true;
}

/* Nothing waits that had to be said before. */
static void
tell_end(struct kernel_feed *f)
{
	for (size_t i = 0; i < f->services->shared.n_pools; i++) {
		struct pool *p = &f->services->shared.pools[i];

		if (is_passed_on(p) && !is_known(f, p))
			return;
	}
	f->whole = failover_link_offer(f->link, MSG_KERNEL_SERVERS_END, NULL);
}

static bool
tell_all(struct kernel_feed *f)
{
	for (size_t i = 0; i < f->services->shared.n_pools; i++) {
		struct pool *p = &f->services->shared.pools[i];

		if (is_told_of(f, p) && is_known(f, p) && !tell_pool(f, p))
			return false;
	}
	if (!f->whole)
		tell_end(f);
	return true;
}

static void
on_tick(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct kernel_feed *f = CONTAINER_OF(t, struct kernel_feed, tick);

	f->tick.repeat = tell_all(f) ? TICK_S : AGAIN_S;
	/* Meanwhile the channel may have been lost. */
	if (ev_is_active(&f->tick))
		ev_timer_again(loop, &f->tick);
}

int
kernel_feed_init(struct kernel_feed *f, struct ev_loop *loop,
    struct failover_link *link, struct services *services)
{
	*f = (struct kernel_feed){
		.loop = loop, .link = link, .services = services
	};
	ev_timer_init(&f->tick, on_tick, TICK_S, TICK_S);
	f->told = calloc(services->shared.n_servers + 1, sizeof(*f->told));
	return f->told != NULL ? 0 : -ENOMEM;
}

void
kernel_feed_fini(struct kernel_feed *f)
{
	if (f->services != NULL)
		ev_timer_stop(f->loop, &f->tick);
	free(f->told);
	f->told = NULL;
}

void
kernel_feed_begin(struct kernel_feed *f)
{
	f->whole = false;
	for (unsigned i = 0; i < f->services->shared.n_servers; i++)
		f->told[i].is_said = false;
	f->tick.repeat = AGAIN_S;
	ev_timer_again(f->loop, &f->tick);
	(void)tell_all(f);
}

void
kernel_feed_stop(struct kernel_feed *f)
{
	ev_timer_stop(f->loop, &f->tick);
}

void
kernel_feed_look(struct kernel_feed *f, struct pool *pool)
{
	if (!ev_is_active(&f->tick) || !is_told_of(f, pool) ||
	    !is_known(f, pool))
		return;
	if (tell_pool(f, pool) && !f->whole)
		tell_end(f);
}

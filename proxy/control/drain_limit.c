#include "proxy/control/drain_limit.h"

#include "config/config.h"
#include "core/log.h"
#include "core/mono.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <stdio.h>

/* The relay before this one may say of an earlier word meanwhile. */
#define LOOK_S 1.

/* Those that are due within it are looked at together, as one of thousands. */
#define LEAST_S 0.02

#define SUBJECT_MAX 256

static void
end_connections(struct drain_limit *l, struct pool *p, struct pool_server *s)
{
	char subject[SUBJECT_MAX];

	(void)snprintf(subject, sizeof(subject), "service %s, server %s",
	    p->config->name, s->config->name);
	log_notice(subject,
	    "drain_timeout is over: connections that it still has are reset");
	atomic_store(&s->drain_is_over, true);
	pool_cut(p, s);
	services_changed(l->services, p);
}

/* How long it may take yet, in seconds; none: 0. */
static double
look_at(struct drain_limit *l, struct pool *p, struct pool_server *s)
{
	const struct mono now = mono_now();
	struct pool_view view;
	struct mono due;

	pool_look(p, s, &view);
	if (view.admin != ACCORD_DRAIN) {
		s->drained_since = mono_never();
		atomic_store(&s->drain_is_over, false);
		return 0.;
	}
	if (mono_is_never(s->drained_since))
		s->drained_since = now;
	if (l->drain_ms == 0 || atomic_load(&s->drain_is_over))
		return 0.;
	due = mono_add_ms(s->drained_since, l->drain_ms);
	/* Those of the relay before are not all here yet. */
	if (l->services->waits)
		return LOOK_S;
	if (mono_before(now, due))
		return (double)(due.ns - now.ns) / 1e9;
	end_connections(l, p, s);
	return 0.;
}

/* In so many seconds, or sooner if it is due by then anyway. */
static void
look_in(struct drain_limit *l, double seconds)
{
	if (seconds > LOOK_S)
		seconds = LOOK_S;
	if (seconds < LEAST_S)
		seconds = LEAST_S;
	if (ev_is_active(&l->look) &&
	    ev_timer_remaining(l->loop, &l->look) <= seconds)
		return;
	ev_timer_stop(l->loop, &l->look);
	ev_timer_set(&l->look, seconds, 0.);
	ev_timer_start(l->loop, &l->look);
}

void
drain_limit_look(struct drain_limit *l, struct pool *p, struct pool_server *s)
{
	const double left = look_at(l, p, s);

	if (left > 0.)
		look_in(l, left);
}

static void
on_look(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct drain_limit *l = CONTAINER_OF(t, struct drain_limit, look);
	struct worker_shared *sh = &l->services->shared;
	double next = 0.;

	for (size_t i = 0; i < sh->n_pools; i++)
		for (size_t k = 0; k < sh->pools[i].n_servers; k++) {
			double left =
			    look_at(l, &sh->pools[i], &sh->pools[i].servers[k]);

			if (left > 0. && (next == 0. || left < next))
				next = left;
		}
	if (next > 0.)
		look_in(l, next);
}

void
drain_limit_init(struct drain_limit *l, struct services *services,
    struct ev_loop *loop, uint32_t drain_ms)
{
	l->services = services;
	l->loop = loop;
	l->drain_ms = drain_ms;
	ev_init(&l->look, on_look);
}

void
drain_limit_fini(struct drain_limit *l)
{
	if (l->loop != NULL)
		ev_timer_stop(l->loop, &l->look);
}

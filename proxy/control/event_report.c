#include "proxy/control/event_report.h"

#include "config/config.h"
#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/msg.h"
#include "core/wall_clock.h"
#include "proxy/control/standby_run.h"
#include "proxy/health/check.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"

#include <stdio.h>
#include <stdlib.h>

#define NOBODY (-1)

struct event_report {
	int supervisor; /* borrowed */
	const struct services *services;
	const struct standby_run *standby_run;
	int64_t began_wall_ms;
	uint8_t
	    *states; /* enum server_state, by slot: the last that was seen */
	int *active; /* likewise by service; NOBODY: none was */
};

static void
report(const struct event_report *e, const struct msg_event *m)
{
	struct buf b = BUF_WRITER(16 + 2 * MSG_TEXT_MAX);

	msg_put_event(&b, m);
	/* A supervisor that does not read is told of more important things. */
	if (channel_send(e->supervisor, MSG_EVENT, b.data, b.pos, -1) < 0)
		log_debug("relay", "the supervisor does not take events");
}

static void
look_at(struct event_report *e, struct pool *p, unsigned n)
{
	struct pool_server *s = &p->servers[n];
	const struct check_view *view = services_check(e->services, s->slot);
	const enum server_state was = e->states[s->slot],
	                        is = pool_server_state(s);
	struct msg_event m = { .service = (uint16_t)p->index,
		.server = (uint16_t)n };

	if (was == is)
		return;
	e->states[s->slot] = (uint8_t)is;
	/* Of a start only what is wrong; of one that takes over nothing. */
	if (was == SERVER_UNKNOWN &&
	    (is == SERVER_UP || view->since_wall_ms < e->began_wall_ms))
		return;
	(void)snprintf(m.what, sizeof(m.what), "%s -> %s",
	    server_state_name(was), server_state_name(is));
	(void)snprintf(m.reason, sizeof(m.reason), "%s", view->detail);
	report(e, &m);
}

static void
look_at_active(struct event_report *e, const struct pool *p)
{
	const struct standby *s = standby_run_standby(e->standby_run, p->index);
	const int was = e->active[p->index];
	struct msg_event m = { .service = (uint16_t)p->index, .standby = true };

	if (s == NULL || was == (int)s->active)
		return;
	e->active[p->index] = (int)s->active;
	if (was == NOBODY)
		return;
	m.server = (uint16_t)s->active;
	(void)snprintf(m.what, sizeof(m.what), "active, in place of %s",
	    p->config->servers[was].name);
	(void)snprintf(m.reason, sizeof(m.reason), "%s",
	    standby_run_reason(e->standby_run, p->index));
	report(e, &m);
}

void
event_report_look(struct event_report *e, struct pool *pool)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; i < pool->n_servers; i++)
		look_at(e, pool, i);
	look_at_active(e, pool);
}

struct event_report *
event_report_new(int supervisor, const struct services *services,
    const struct standby_run *standby_run)
{
	const struct worker_shared *shared = &services->shared;
	struct event_report *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->supervisor = supervisor;
	e->services = services;
	e->standby_run = standby_run;
	e->began_wall_ms = wall_clock_now_ms();
	e->states = calloc(shared->n_servers + 1, sizeof(*e->states));
	e->active = calloc(shared->n_pools + 1, sizeof(*e->active));
	if (e->states == NULL || e->active == NULL) {
		event_report_free(e);
		return NULL;
	}
	for (unsigned i = 0; i < shared->n_pools; i++)
		e->active[i] = NOBODY;
	return e;
}

void
event_report_free(struct event_report *e)
{
	if (e == NULL)
		return;
	free(e->states);
	free(e->active);
	free(e);
}

#include "proxy/control/status_collect.h"

#include "core/log.h"
#include "proxy/control/standby_run.h"
#include "proxy/control/status.h"
#include "proxy/control/status_query.h"
#include "proxy/services.h"

#include <stdlib.h>

static struct status_server
see_server(struct services *r, struct pool *p, struct pool_server *s)
{
	struct status_server out = { .check = services_check(r, s->slot),
		.sum = services_sum_server(r, s->slot) };

	pool_look(p, s, &out.view);
	return out;
}

static struct status_service
see_service(const struct status_collect *from, size_t i,
    struct status_server *ret_servers)
{
	struct pool *p = services_pool(from->services, i);
	struct status_service out = { .servers = ret_servers,
		.state = "unknown",
		.standby = standby_run_standby(from->standby_run, i),
		.queued = atomic_load(&p->n_waiting),
		.sums = services_sum_service(from->services, i) };

	if (atomic_load(&p->open))
		out.state = pool_is_usable(p) ? "up" : "down";
	for (size_t k = 0; k < p->n_servers; k++)
		ret_servers[k] = see_server(from->services, p, &p->servers[k]);
	return out;
}

char *
status_collect_text(
    const struct status_collect *from, const struct status_query_said *said)
{
	const struct worker_shared *sh = &from->services->shared;
	struct status_server *servers =
	    calloc(sh->n_servers + 1, sizeof(*servers));
	struct status_service *services =
	    calloc(sh->n_pools + 1, sizeof(*services));
	const struct status report = { .config = from->config,
		.start = from->start,
		.groups = said->peer != NULL ? from->groups : NULL,
		.peer = said->peer,
		.tracks = said->tracks,
		.services = services,
		.pid = from->pid,
		.now = mono_now(),
		.dropped_log_lines = log_dropped() };
	struct status_server *next = servers;
	char *text = NULL;

	if (servers != NULL && services != NULL) {
		for (size_t i = 0; i < sh->n_pools; i++) {
			services[i] = see_service(from, i, next);
			next += sh->pools[i].n_servers;
		}
		text = status_text(&report);
	}
	free(servers);
	free(services);
	return text;
}

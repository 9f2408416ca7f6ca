#include "proxy/control/status_collect.h"

#include "core/log.h"
#include "proxy/control/standby_run.h"
#include "proxy/control/status.h"
#include "proxy/control/status_query.h"
#include "proxy/services.h"

#include <stdlib.h>

static struct report_server
see_server(struct roster *r, struct pool *p, struct pool_server *s)
{
	struct report_server out = { .check = roster_check(r, s->slot),
		.sum = roster_sum_server(r, s->slot) };

	pool_look(p, s, &out.view);
	return out;
}

static struct report_service
see_service(const struct status_collect *from, size_t i,
    struct report_server *ret_servers)
{
	struct pool *p = roster_pool(from->roster, i);
	struct report_service out = { .servers = ret_servers,
		.state = "unknown",
		.standby = marshal_standby(from->marshal, i),
		.queued = atomic_load(&p->n_waiting),
		.sums = roster_sum_service(from->roster, i) };

	if (atomic_load(&p->open))
		out.state = pool_is_usable(p) ? "up" : "down";
	for (size_t k = 0; k < p->n_servers; k++)
		ret_servers[k] = see_server(from->roster, p, &p->servers[k]);
	return out;
}

char *
status_collect_text(
    const struct status_collect *from, const struct asker_said *said)
{
	const struct worker_shared *sh = &from->roster->shared;
	struct report_server *servers =
	    calloc(sh->n_servers + 1, sizeof(*servers));
	struct report_service *services =
	    calloc(sh->n_pools + 1, sizeof(*services));
	const struct report report = { .config = from->config,
		.start = from->start,
		.groups = said->peer != NULL ? from->groups : NULL,
		.peer = said->peer,
		.tracks = said->tracks,
		.services = services,
		.pid = from->pid,
		.now = mono_now(),
		.dropped_log_lines = log_dropped() };
	struct report_server *next = servers;
	char *text = NULL;

	if (servers != NULL && services != NULL) {
		for (size_t i = 0; i < sh->n_pools; i++) {
			services[i] = see_service(from, i, next);
			next += sh->pools[i].n_servers;
		}
		text = report_text(&report);
	}
	free(servers);
	free(services);
	return text;
}

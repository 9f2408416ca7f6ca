#include "proxy/control/status_collect.h"

#include "core/log.h"
#include "core/wall_clock.h"
#include "proxy/control/standby.h"
#include "proxy/control/standby_run.h"
#include "proxy/control/status.h"
#include "proxy/control/status_query.h"
#include "proxy/health/check.h"
#include "proxy/kernel/kernel_link.h"
#include "proxy/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The supervisor has begun another failover by then, where it may. */
#define RESTART_MS 1000

/* `status` points at the others. */
struct status_collect_snapshot {
	struct status status;
	struct msg_start start;
	struct msg_peer peer;
	struct msg_tracks tracks;
	struct msg_group groups[CONFIG_GROUPS_MAX];
	struct status_service *services;
	struct standby *standbys;      /* by service */
	struct status_server *servers; /* of all services */
	struct check_view *checks;     /* by server */
	struct status_kernel kernel;
	struct msg_kernel_service *passed_on; /* by service */
};

static struct status_server
see_server(struct services *r, struct pool *p, struct pool_server *s,
    struct check_view *ret_check)
{
	struct status_server out = { .check = ret_check,
		.admin_word = s->admin_word,
		.weight_word = s->weight_word,
		.sum = services_sum_server(r, s->slot) };

	*ret_check = *services_check(r, s->slot);
	pool_look(p, s, &out.view);
	return out;
}

static struct status_service
see_service(const struct status_collect *from, size_t i,
    struct status_collect_snapshot *to, size_t first)
{
	const struct standby *standby =
	    standby_run_standby(from->standby_run, i);
	struct pool *p = services_pool(from->services, i);
	struct status_service out = { .servers = &to->servers[first],
		.state = "unknown",
		.queued = atomic_load(&p->n_waiting),
		.sums = services_sum_service(from->services, i) };

	if (atomic_load(&p->open))
		out.state = pool_is_usable(p) ? "up" : "down";
	if (standby != NULL) {
		to->standbys[i] = *standby;
		out.standby = &to->standbys[i];
		(void)snprintf(out.fence_fault, sizeof(out.fence_fault), "%s",
		    standby_run_fault(from->standby_run, i));
	}
	for (size_t k = 0; k < p->n_servers; k++)
		to->servers[first + k] = see_server(
		    from->services, p, &p->servers[k], &to->checks[first + k]);
	return out;
}

static struct status_collect_snapshot *
snapshot_new(size_t n_services, size_t n_servers)
{
	struct status_collect_snapshot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->services = calloc(n_services + 1, sizeof(*s->services));
	s->standbys = calloc(n_services + 1, sizeof(*s->standbys));
	s->servers = calloc(n_servers + 1, sizeof(*s->servers));
	s->checks = calloc(n_servers + 1, sizeof(*s->checks));
	s->passed_on = calloc(n_services + 1, sizeof(*s->passed_on));
	if (s->services != NULL && s->standbys != NULL && s->servers != NULL &&
	    s->checks != NULL && s->passed_on != NULL)
		return s;
	status_collect_free(s);
	return NULL;
}

/* Of each it tells when it began to stand so. */
bool
status_collect_knows_groups(const struct status_collect *from)
{
	for (size_t i = 0;
	     from->groups != NULL && i < from->config->pair.n_groups; i++)
		if (from->groups[i].since_wall_ms == 0)
			return false;
	return true;
}

/* What failover has said, and how the groups stood when it last did. */
static void
copy_said(struct status_collect_snapshot *s, const struct status_collect *from,
    const struct status_query_said *said)
{
	if (said->peer != NULL) {
		s->peer = *said->peer;
		s->status.peer = &s->peer;
	}
	if (said->tracks != NULL) {
		s->tracks = *said->tracks;
		s->status.tracks = &s->tracks;
	}
	if (from->groups == NULL || !status_collect_knows_groups(from))
		return;
	memcpy(s->groups, from->groups,
	    from->config->pair.n_groups * sizeof(*s->groups));
	s->status.groups = s->groups;
}

static void
copy_kernel(
    struct status_collect_snapshot *s, const struct status_collect *from)
{
	const struct kernel_view *v = &from->kernel->view;

	if (!kernel_link_is_shown(from->kernel, mono_now()))
		return;
	memcpy(s->passed_on, v->of,
	    from->services->shared.n_pools * sizeof(*s->passed_on));
	s->kernel =
	    (struct status_kernel){ .is_up = kernel_link_is_up(from->kernel),
		    .is_gone = kernel_link_is_gone(from->kernel, mono_now()),
		    .ends = from->kernel->ends,
		    .is_said = v->is_said,
		    .state = v->state,
		    .work_wall_ms = v->work_wall_ms,
		    .peer_wall_ms = v->peer_wall_ms,
		    .services = s->passed_on };
	s->status.kernel = &s->kernel;
}

/* Some address of the service is here, as far as failover has told. */
static bool
is_served_here(const struct status_collect_snapshot *s, size_t service)
{
	const struct config *config = s->status.config;
	const struct config_service *c = &config->services[service];

	if (s->status.groups == NULL)
		return true;
	for (size_t i = 0; i < c->n_listens; i++) {
		const int group =
		    config_group_of(&config->pair, &c->listens[i].address);

		if (group < 0 ||
		    s->status.groups[group].state == MSG_GROUP_MASTER)
			return true;
	}
	return false;
}

/*
 * What this node only keeps in case the peer dies is the peer's, which tells of
 * it: who adds up both nodes would have it twice.
 */
static void
leave_to_peer(struct status_collect_snapshot *s, size_t service)
{
	struct msg_kernel_service *m = &s->passed_on[service];
	struct status_service *to = &s->services[service];
	const struct config_service *c = &s->status.config->services[service];
	struct status_server *servers = &s->servers[to->servers - s->servers];

	if (m->open == 0 || is_served_here(s, service))
		return;
	to->kept = m->open;
	to->sums.sum.active -= m->open;
	for (size_t i = 0; i < c->n_servers; i++)
		servers[i].sum.active -= servers[i].view.kernel;
	m->open = m->protected = m->held = m->silent = 0;
}

/* Longer than another one takes to begin: it keeps ending. */
static bool
is_gone(const struct status_collect *from)
{
	const struct mono *at = from->failover_lost_at;

	return from->config->has_pair && at->ns != 0 &&
	    mono_before(mono_add_ms(*at, RESTART_MS), mono_now());
}

struct status_collect_snapshot *
status_collect_take(
    const struct status_collect *from, const struct status_query_said *said)
{
	const struct worker_shared *sh = &from->services->shared;
	struct status_collect_snapshot *s =
	    snapshot_new(sh->n_pools, sh->n_servers);
	size_t first = 0;

	if (s == NULL)
		return NULL;
	s->start = *from->start;
	s->status = (struct status){ .config = from->config,
		.start = &s->start,
		.services = s->services,
		.pid = from->pid,
		.now = mono_now(),
		.wall_ms = wall_clock_now_ms(),
		.failover_gone = is_gone(from),
		.ends = *said->ends,
		.dropped_log_lines = log_dropped() };
	copy_said(s, from, said);
	copy_kernel(s, from);
	for (size_t i = 0; i < sh->n_pools; i++) {
		s->services[i] = see_service(from, i, s, first);
		leave_to_peer(s, i);
		first += sh->pools[i].n_servers;
	}
	return s;
}

const struct status *
status_collect_status(const struct status_collect_snapshot *s)
{
	return &s->status;
}

char *
status_collect_text(const struct status_collect_snapshot *s)
{
	return status_text(&s->status);
}

void
status_collect_free(struct status_collect_snapshot *s)
{
	if (s == NULL)
		return;
	free(s->services);
	free(s->standbys);
	free(s->servers);
	free(s->checks);
	free(s->passed_on);
	free(s);
}

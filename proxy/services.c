#include "proxy/services.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/msg.h"
#include "proxy/data/conn_feed.h"
#include "proxy/health/check.h"
#include "proxy/health/probe.h"
#include "proxy/health/secret_files.h"
#include "proxy/pool/pool.h"
#include "proxy/pool/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void
on_accused(struct ev_loop *loop, ev_async *async, int revents)
{
	struct services *r =
	    CONTAINER_OF(async, struct services, shared.sessions.accused);

	for (size_t i = 0; i < r->shared.n_servers; i++) {
		struct pool_server *s = r->checks[i].server;

		if (atomic_exchange(&s->accused, false))
			check_accuse(&r->checks[i]);
		if (atomic_exchange(&s->proven, false))
			check_prove(&r->checks[i]);
	}
}

static bool
has_dropped(struct services *r, unsigned group)
{
	for (unsigned i = 0; i < r->shared.n_workers; i++)
		if ((atomic_load(&r->shared.workers[i].dropped_groups) &
		        1U << group) == 0)
			return false;
	return true;
}

static void
on_dropped(struct ev_loop *loop, ev_async *async, int revents)
{
	struct services *r =
	    CONTAINER_OF(async, struct services, shared.dropped);

	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++) {
		if ((r->dropping & 1U << i) == 0 || !has_dropped(r, i))
			continue;
		r->dropping &= ~(1U << i);
		r->calls->on_dropped(r->arg, i);
	}
}

static int
make_pools(struct services *r, const struct config *config)
{
	struct worker_shared *sh = &r->shared;
	unsigned slot = 0;

	sh->pools = calloc(config->n_services + 1, sizeof(*sh->pools));
	if (sh->pools == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_services; i++) {
		const struct config_service *c = &config->services[i];
		int e = pool_init(&sh->pools[i], c, (unsigned)i, slot);

		if (e < 0)
			return e;
		sh->n_pools++;
		slot += (unsigned)c->n_servers;
	}
	r->checks = calloc(slot + 1, sizeof(*r->checks));
	if (r->checks == NULL)
		return -ENOMEM;
	sh->n_servers = slot;
	r->past_servers = calloc(slot + 1, sizeof(*r->past_servers));
	r->past_services =
	    calloc(config->n_services + 1, sizeof(*r->past_services));
	r->kernel_servers = calloc(slot + 1, sizeof(*r->kernel_servers));
	r->kernel_services =
	    calloc(config->n_services + 1, sizeof(*r->kernel_services));
	if (r->past_servers == NULL || r->past_services == NULL ||
	    r->kernel_servers == NULL || r->kernel_services == NULL)
		return -ENOMEM;
	return 0;
}

static int
make_workers(struct services *r, const struct msg_start *start)
{
	struct worker_shared *sh = &r->shared;

	sh->workers = calloc(start->workers, sizeof(*sh->workers));
	if (sh->workers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < start->workers; i++) {
		int e = worker_init(&sh->workers[i], sh, i);

		sh->n_workers++; /* worker_fini takes the half-built */
		if (e < 0)
			return e;
	}
	return 0;
}

static void
on_wake(void *arg)
{
	session_thread_wake_all(arg);
}

static int
make_feed(struct services *r, const struct msg_start *start)
{
	struct worker_shared *sh = &r->shared;
	const struct conn_feed_setup setup = { .loop = r->shared.sessions.main,
		.config = sh->config,
		.n_workers = start->workers,
		.max_connections = start->max_connections,
		.wake = on_wake,
		.arg = &sh->sessions };

	if (!sh->config->has_pair)
		return 0;
	sh->conn_feed = conn_feed_new(&setup);
	return sh->conn_feed != NULL ? 0 : -ENOMEM;
}

int
services_init(struct services *r, struct ev_loop *loop,
    const struct config *config, const struct msg_start *start)
{
	struct worker_shared *sh = &r->shared;
	int e;

	sh->config = config;
	sh->sessions.main = loop;
	sh->sessions.log_connections = config->log.connections;
	sh->pipes = start->pipes;
	STAILQ_INIT(&sh->sessions.threads);
	conn_limit_init(&sh->sessions.limit, start->max_connections);
	e = make_pools(r, config);
	if (e == 0) {
		r->secrets = secret_files_load(config);
		e = r->secrets != NULL ? 0 : -ENOMEM;
	}
	if (e == 0)
		e = make_feed(r, start);
	if (e == 0)
		e = make_workers(r, start);
	return e;
}

int
services_add_listener(struct services *r, const struct msg_listener *m, int *fd)
{
	struct worker_shared *sh = &r->shared;

	if (m->service >= sh->n_pools || m->worker >= sh->n_workers)
		return -EBADMSG;
	return worker_add_listener(
	    &sh->workers[m->worker], &sh->pools[m->service], fd);
}

/*
 * Whoever comes now gets what he would get without the connections that are
 * still on their way here: they count for no limit, and choose nobody.
 */
static bool
may_open_early(const struct pool *p)
{
	if (p->config->mode != CONFIG_MODE_BALANCE ||
	    p->config->max_connections > 0 || p->clients != NULL)
		return false;
	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i].config->max_connections > 0)
			return false;
	return true;
}

/* A service opens once somebody can serve, or all are known not to. */
static void
open_if_known(struct services *r, struct pool *p)
{
	bool known = true;

	for (size_t i = 0; i < p->n_servers; i++)
		known = known &&
		    pool_server_state(&p->servers[i]) != SERVER_UNKNOWN;
	if ((r->waits && (!r->accepts_early || !may_open_early(p))) ||
	    atomic_load(&p->open) || (!known && pool_count_up(p) == 0))
		return;
	atomic_store(&p->open, true);
	session_thread_wake_all(&r->shared.sessions);
}

void
services_changed(struct services *r, struct pool *pool)
{
	if (!r->started)
		return;
	if (atomic_exchange(&pool->was_cut, false))
		worker_cut_all(&r->shared);
	open_if_known(r, pool);
	r->calls->on_change(r->arg, pool);
}

static void
on_check_changed(void *arg, struct pool *pool)
{
	services_changed(arg, pool);
}

/*
 * Which addresses this host has may change at any time. What is sent to one of
 * them comes from it; that the kernel binds to it proves nothing, for
 * ip_nonlocal_bind lets it.
 */
static bool
is_here(const void *arg, const union addr *a)
{
	const struct config *config = arg;
	union addr there = *a, here;
	socklen_t len = sizeof(here);
	CLEANUP(fd_close)
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (config_has_address(config, a))
		return true;
	addr_set_port(&there, 9); /* any, for nothing is sent */
	return fd != -1 && connect(fd, &there.sa, addr_len(&there)) == 0 &&
	    getsockname(fd, &here.sa, &len) == 0 && addr_is_same_ip(&here, a);
}

/* A name has addresses, or others: its server may have to move. */
static void
on_name(void *arg, unsigned id, const union addr *all, unsigned n)
{
	struct services *r = arg;
	struct check *c = &r->checks[id];
	const struct config_service *service = c->pool->config;
	const char *server = c->server->config->name;
	union addr usable[RESOLVER_ADDRESSES_MAX];
	unsigned left;

	memcpy(usable, all, n * sizeof(*all));
	left = server_addresses_drop_own(usable, n,
	    addr_port(&c->server->config->address), service, is_here,
	    r->shared.config);
	if (left < n)
		log_error("names",
		    "[name] server %s of service %s is where the service itself listens, leaving that address out",
		    server, service->name);
	if (left > 0 && !check_set_addresses(c, usable, left))
		log_warning("names",
		    "[name] server %s of service %s has no address of the family of its source, leaving it as it is",
		    server, service->name);
}

/* Those without an address yet are down until they have one. */
static int
start_names(struct services *r)
{
	for (unsigned i = 0; i < r->shared.n_servers; i++) {
		const char *host = r->checks[i].server->config->host;
		int e;

		if (host == NULL)
			continue;
		if (r->names == NULL)
			r->names =
			    resolver_new(r->shared.sessions.main, on_name, r);
		if (r->names == NULL)
			return -ENOMEM;
		e = resolver_add(r->names, host, i);
		if (e < 0)
			return e;
	}
	return 0;
}

static int
prepare_checks(struct services *r)
{
	r->surveys = probe_open(
	    r->shared.sessions.main, r->secrets, r->shared.n_servers);
	if (r->surveys == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->shared.n_pools; i++) {
		struct pool *p = &r->shared.pools[i];

		for (size_t k = 0; k < p->n_servers; k++) {
			struct check *c = &r->checks[p->servers[k].slot];

			c->loop = r->shared.sessions.main;
			c->surveys = r->surveys;
			c->on_change = on_check_changed;
			c->arg = r;
			check_prepare(c, p, &p->servers[k]);
		}
	}
	return 0;
}

int
services_check_all(struct services *r)
{
	int e = 0;

	/* Only now: a check that fails at once looks at all of them. */
	for (size_t i = 0; e == 0 && i < r->shared.n_servers; i++)
		e = check_start(&r->checks[i]);
	return e < 0 ? e : start_names(r);
}

int
services_start(
    struct services *r, const struct services_calls *calls, void *arg)
{
	int e;

	r->calls = calls;
	r->arg = arg;
	ev_async_init(&r->shared.sessions.accused, on_accused);
	ev_async_start(r->shared.sessions.main, &r->shared.sessions.accused);
	ev_async_init(&r->shared.dropped, on_dropped);
	ev_async_start(r->shared.sessions.main, &r->shared.dropped);
	r->started = true;
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		e = worker_start(&r->shared.workers[i]);
		if (e < 0)
			return e;
	}
	e = prepare_checks(r);
	return e == 0 && !r->waits ? services_check_all(r) : e;
}

static void
hold_pools(struct services *r, bool hold)
{
	for (size_t i = 0; i < r->shared.n_pools; i++)
		pool_hold(&r->shared.pools[i], hold);
}

void
services_wait(struct services *r)
{
	r->waits = true;
	hold_pools(r, true);
}

/*
 * Whoever was under way when an operator took a server out, or when another one
 * became active, has a place there since: a cut is for those who had one.
 */
static void
cut_late(struct pool *p)
{
	struct pool_view view;

	for (size_t i = 0; i < p->n_servers; i++) {
		pool_look(p, &p->servers[i], &view);
		if (view.load > 0 &&
		    (view.admin == ACCORD_MAINT || !view.active))
			pool_cut(p, &p->servers[i]);
	}
}

void
services_open_early(struct services *r, unsigned others)
{
	r->accepts_early = true;
	r->reserved = others;
	conn_limit_reserve(&r->shared.sessions.limit, others);
	for (size_t i = 0; i < r->shared.n_pools; i++) {
		struct pool *p = &r->shared.pools[i];

		if (!may_open_early(p))
			continue;
		pool_hold(p, false);
		open_if_known(r, p);
	}
}

void
services_open(struct services *r)
{
	if (conn_limit_release(&r->shared.sessions.limit, r->reserved))
		session_thread_wake_all(&r->shared.sessions);
	r->reserved = 0;
	for (size_t i = 0; r->waits && i < r->shared.n_pools; i++)
		cut_late(&r->shared.pools[i]);
	r->waits = false;
	hold_pools(r, false);
	for (size_t i = 0; i < r->shared.n_pools; i++)
		services_changed(r, &r->shared.pools[i]);
}

void
services_hold(struct services *r, bool hold)
{
	hold_pools(r, hold);
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		atomic_store(&r->shared.workers[i].hold, hold);
		worker_wake(&r->shared.workers[i]);
	}
}

void
services_close(struct services *r)
{
	hold_pools(r, false);
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		atomic_store(&r->shared.workers[i].close, true);
		worker_wake(&r->shared.workers[i]);
	}
}

bool
services_is_held(struct services *r)
{
	for (unsigned i = 0; i < r->shared.n_workers; i++)
		if (!atomic_load(&r->shared.workers[i].held))
			return false;
	return true;
}

unsigned
services_count_connections(struct services *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->shared.n_workers; i++)
		n += atomic_load(&r->shared.workers[i].sessions.n_sessions);
	return n;
}

bool
services_is_open(struct services *r)
{
	for (size_t i = 0; i < r->shared.n_pools; i++)
		if (!atomic_load(&r->shared.pools[i].open))
			return false;
	return true;
}

void
services_drop(struct services *r)
{
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		atomic_store(&r->shared.workers[i].drop_all, true);
		worker_wake(&r->shared.workers[i]);
	}
}

void
services_drop_gone(struct services *r)
{
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		atomic_store(&r->shared.workers[i].drop_gone, true);
		worker_wake(&r->shared.workers[i]);
	}
}

bool
services_is_dropped(struct services *r)
{
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		struct worker *w = &r->shared.workers[i];

		if (w->started && !atomic_load(&w->dropped))
			return false;
	}
	return true;
}

void
services_drop_group(struct services *r, unsigned group)
{
	r->dropping |= 1U << group;
	for (unsigned i = 0; i < r->shared.n_workers; i++) {
		struct worker *w = &r->shared.workers[i];

		atomic_fetch_and(&w->dropped_groups, ~(1U << group));
		atomic_fetch_or(&w->drop_groups, 1U << group);
		worker_wake(w);
	}
}

void
services_tell(struct services *r, int failover)
{
	if (r->shared.conn_feed == NULL)
		return;
	if (failover != -1)
		conn_feed_begin(r->shared.conn_feed, failover);
	else
		conn_feed_stop(r->shared.conn_feed);
}

struct pool *
services_pool(struct services *r, size_t service)
{
	return &r->shared.pools[service];
}

const struct check_view *
services_check(const struct services *r, unsigned slot)
{
	return &r->checks[slot].view;
}

struct counters_sum
services_sum_server(const struct services *r, unsigned slot)
{
	struct counters_sum sum = r->past_servers[slot];

	for (unsigned i = 0; i < r->shared.n_workers; i++)
		counters_sum_up(
		    &sum, &r->shared.workers[i].sessions.servers[slot]);
	counters_sum_add(&sum, &r->kernel_servers[slot]);
	return sum;
}

struct counters_service_sum
services_sum_service(const struct services *r, size_t service)
{
	struct counters_service_sum sum = r->past_services[service];

	for (unsigned i = 0; i < r->shared.n_workers; i++)
		counters_service_sum_up(
		    &sum, &r->shared.workers[i].sessions.services[service]);
	counters_service_sum_add(&sum, &r->kernel_services[service]);
	return sum;
}

void
services_fini(struct services *r)
{
	struct worker_shared *sh = &r->shared;

	resolver_free(r->names);
	if (r->started) {
		ev_async_stop(
		    r->shared.sessions.main, &r->shared.sessions.accused);
		ev_async_stop(r->shared.sessions.main, &r->shared.dropped);
	}
	for (unsigned i = 0; i < sh->n_workers; i++)
		worker_stop(&sh->workers[i]);
	for (unsigned i = 0; i < sh->n_workers; i++)
		worker_fini(&sh->workers[i]);
	conn_feed_free(sh->conn_feed);
	for (size_t i = 0; r->checks != NULL && i < sh->n_servers; i++)
		check_stop(&r->checks[i]);
	probe_close(r->surveys);
	secret_files_free(r->secrets);
	for (size_t i = 0; i < sh->n_pools; i++)
		pool_fini(&sh->pools[i]);
	free(sh->workers);
	free(sh->pools);
	free(r->checks);
	free(r->past_servers);
	free(r->past_services);
	free(r->kernel_servers);
	free(r->kernel_services);
}

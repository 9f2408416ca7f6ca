#include "proxy/worker.h"

#include "config/config.h"
#include "core/fd.h"
#include "core/log.h"
#include "core/proc.h"
#include "core/pulse.h"
#include "proxy/acceptor.h"
#include "proxy/attempt.h"
#include "proxy/dial.h"
#include "proxy/upkeep.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define EVENTS_PER_TURN 256

/* Descriptors come back as connections end; asking more often is a spin. */
#define PAUSE_S 0.1

/*
 * Each session is looked at about every 2 s: this often, this part of them,
 * and at least so many.
 */
#define UPKEEP_S 0.1
#define UPKEEP_PART 20
#define UPKEEP_LEAST 64

/* Below this difference the kernel's spread is good enough. */
#define GIFT_LEAST 2

/*
 * How long acknowledgements may wait for an answer to travel with: longer than
 * a busy server takes, short beside the 40 ms that the kernel would wait.
 */
#define FRESH_MS 10

struct worker_gift {
	struct pool *pool;
	int fd;
	union addr client;
	STAILQ_ENTRY(worker_gift) link;
};

static void
on_epoll_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct worker *w = CONTAINER_OF(io, struct worker, epoll_ready);
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(w->epoll, events, EVENTS_PER_TURN, 0);

	(void)loop;
	(void)revents;
	w->now = mono_now();
	for (int i = 0; i < n; i++)
		session_on_event(events[i].data.ptr, events[i].events);
	if (!TAILQ_EMPTY(&w->busy))
		ev_idle_start(w->loop, &w->busy_again);
}

/* Each busy session has one turn; who is busy after it queues up anew. */
static void
on_busy_again(struct ev_loop *loop, ev_idle *idle, int revents)
{
	struct worker *w = CONTAINER_OF(idle, struct worker, busy_again);
	struct session *last = TAILQ_LAST(&w->busy, worker_busy);
	struct session *s;

	(void)revents;
	w->now = mono_now();
	while ((s = TAILQ_FIRST(&w->busy)) != NULL) {
		bool was_last = s == last;

		TAILQ_REMOVE(&w->busy, s, busy);
		s->is_busy = false;
		session_run(s);
		if (was_last)
			break;
	}
	if (TAILQ_EMPTY(&w->busy))
		ev_idle_stop(loop, &w->busy_again);
}

static void
on_bury(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct worker *w = CONTAINER_OF(prepare, struct worker, bury);
	struct session *s;

	(void)loop;
	(void)revents;
	while ((s = SLIST_FIRST(&w->graveyard)) != NULL) {
		SLIST_REMOVE_HEAD(&w->graveyard, buried);
		session_free(s);
	}
}

static void
watch_all(struct worker *w)
{
	struct acceptor *a;

	SLIST_FOREACH (a, &w->acceptors, all) {
		a->full = false;
		acceptor_watch(a);
	}
}

static void
reset_all(struct worker *w, enum ending ending)
{
	struct session *s, *next;

	for (s = LIST_FIRST(&w->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		session_reset(s, ending, 0);
	}
}

/* One that goes on to another server may end, but no other one with it. */
static void
look_for_cuts(struct worker *w)
{
	struct session *s, *next;

	if (!atomic_exchange(&w->look_cuts, false))
		return;
	for (s = LIST_FIRST(&w->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		session_cut(s);
	}
}

/* By either leg: the server's may come from an address of the group, too. */
static bool
is_in_group(const struct session *s, const struct config_group *g)
{
	const struct config_service *c = s->pool->config;
	union addr here;

	if (c->has_source && config_group_has(g, &c->source))
		return true;
	return session_get_local(s, &here) && config_group_has(g, &here);
}

static void
reset_group(struct worker *w, unsigned group)
{
	const struct config_pair *pair = &w->shared->config->pair;
	struct session *s, *next;
	struct acceptor *a;

	for (s = LIST_FIRST(&w->sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		if (is_in_group(s, &pair->groups[group]))
			session_reset(s, ENDING_ADDRESS_MOVED, 0);
	}
	/* Nor must anybody stay behind whom a full service never accepted. */
	SLIST_FOREACH (a, &w->acceptors, all)
		acceptor_reset_waiting(a, &pair->groups[group]);
}

static void
reset_groups(struct worker *w, unsigned groups)
{
	if (groups == 0)
		return;
	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		if ((groups & 1U << i) != 0)
			reset_group(w, i);
	atomic_fetch_or(&w->dropped_groups, groups);
	w->shared->on_dropped(w->shared->on_dropped_arg);
}

/* Clients that other workers have accepted for us. */
static void
unwrap_gifts(struct worker *w)
{
	struct worker_gift *g;

	for (;;) {
		(void)pthread_mutex_lock(&w->gift_lock);
		g = STAILQ_FIRST(&w->gifts);
		if (g != NULL)
			STAILQ_REMOVE_HEAD(&w->gifts, link);
		(void)pthread_mutex_unlock(&w->gift_lock);
		if (g == NULL)
			return;
		session_start(w, g->pool, g->fd, &g->client);
		free(g);
	}
}

static void
collect_grants(struct worker *w)
{
	struct pool_waiter *waiter;

	for (size_t i = 0; i < w->shared->n_pools; i++)
		while ((waiter = pool_collect(&w->shared->pools[i], w)) != NULL)
			attempt_on_grant(
			    CONTAINER_OF(waiter, struct session, waiter));
}

static void
on_woken(struct ev_loop *loop, ev_async *async, int revents)
{
	struct worker *w = CONTAINER_OF(async, struct worker, woken);

	(void)revents;
	unwrap_gifts(w); /* first: they may have to be reset, too */
	reset_groups(w, atomic_exchange(&w->drop_groups, 0));
	tap_look(&w->tap);
	collect_grants(w);
	look_for_cuts(w);
	watch_all(w);
	if (atomic_load(&w->drop_all)) {
		reset_all(w, ENDING_STOPPED);
		atomic_store(&w->dropped, true);
	}
	if (atomic_load(&w->stop))
		ev_break(loop, EVBREAK_ALL);
}

static void
on_unpause(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = CONTAINER_OF(t, struct worker, unpause);

	(void)loop;
	(void)revents;
	w->paused = false;
	watch_all(w);
}

static void
on_upkeep(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = CONTAINER_OF(t, struct worker, upkeep);
	unsigned n = atomic_load(&w->n_sessions) / UPKEEP_PART + UPKEEP_LEAST;

	(void)loop;
	(void)revents;
	pulse_beat(w->shared->pulse, PULSE_MAIN + 1 + w->index);
	if (w->next_upkeep == NULL)
		w->next_upkeep = LIST_FIRST(&w->sessions);
	while (n-- > 0 && w->next_upkeep != NULL) {
		struct session *s = w->next_upkeep;

		w->next_upkeep = LIST_NEXT(s, all);
		upkeep_session(s);
	}
}

static void
on_refresh(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = CONTAINER_OF(t, struct worker, refresh);
	struct mono now = mono_now();
	struct session *s;

	(void)revents;
	while ((s = TAILQ_FIRST(&w->fresh)) != NULL &&
	    mono_span_ms(s->info.accepted, now) >= FRESH_MS) {
		TAILQ_REMOVE(&w->fresh, s, fresh);
		s->is_fresh = false;
		for (int side = 0; side < 2; side++)
			if (s->ends[side].fd != -1)
				dial_acknowledge(s->ends[side].fd);
	}
	if (s == NULL)
		ev_timer_stop(loop, t);
}

void
worker_add_fresh(struct worker *w, struct session *s)
{
	s->is_fresh = true;
	TAILQ_INSERT_TAIL(&w->fresh, s, fresh);
	if (!ev_is_active(&w->refresh))
		ev_timer_again(w->loop, &w->refresh);
}

void
worker_remember(struct worker *w, struct session *s)
{
	LIST_INSERT_HEAD(&w->sessions, s, all);
	atomic_fetch_add_explicit(&w->n_sessions, 1, memory_order_relaxed);
}

void
worker_forget(struct worker *w, struct session *s)
{
	if (w->next_upkeep == s)
		w->next_upkeep = LIST_NEXT(s, all);
	LIST_REMOVE(s, all);
	SLIST_INSERT_HEAD(&w->graveyard, s, buried);
	atomic_fetch_sub_explicit(&w->n_sessions, 1, memory_order_relaxed);
}

bool
worker_enter_gates(struct worker *w, struct pool *pool)
{
	if (!gate_enter(&pool->gate))
		return false;
	if (gate_enter(&w->shared->gate))
		return true;
	if (gate_leave(&pool->gate))
		worker_wake_all(w->shared);
	return false;
}

void
worker_leave_gates(struct worker *w, struct pool *pool)
{
	bool wanted = gate_leave(&pool->gate);

	if (gate_leave(&w->shared->gate) || wanted)
		worker_wake_all(w->shared);
}

static struct worker *
least_loaded(struct worker *w, unsigned *ret_least)
{
	struct worker *best = w;
	unsigned least =
	    atomic_load_explicit(&w->n_sessions, memory_order_relaxed);

	for (unsigned i = 0; i < w->shared->n_workers; i++) {
		struct worker *other = &w->shared->workers[i];
		unsigned n = atomic_load_explicit(
		    &other->n_sessions, memory_order_relaxed);

		if (n < least) {
			best = other;
			least = n;
		}
	}
	*ret_least = least;
	return best;
}

void
worker_place(struct worker *w, struct pool *pool, int client_fd,
    const union addr *client)
{
	unsigned mine =
	    atomic_load_explicit(&w->n_sessions, memory_order_relaxed);
	struct worker_gift *g = NULL;
	struct worker *other;
	unsigned least;

	other = least_loaded(w, &least);
	if (mine >= least + GIFT_LEAST + least / 8)
		g = malloc(sizeof(*g));
	if (g == NULL) {
		session_start(w, pool, client_fd, client);
		return;
	}
	*g = (struct worker_gift){
		.pool = pool, .fd = client_fd, .client = *client
	};
	(void)pthread_mutex_lock(&other->gift_lock);
	STAILQ_INSERT_TAIL(&other->gifts, g, link);
	(void)pthread_mutex_unlock(&other->gift_lock);
	worker_wake(other);
}

/* splitmix64: one addition and three multiplications. */
uint64_t
worker_chance(struct worker *w)
{
	uint64_t z = w->chance += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void
worker_pause(struct worker *w)
{
	struct acceptor *a;

	w->paused = true;
	SLIST_FOREACH (a, &w->acceptors, all)
		acceptor_watch(a);
	ev_timer_stop(w->loop, &w->unpause);
	ev_timer_set(&w->unpause, PAUSE_S, 0.);
	ev_timer_start(w->loop, &w->unpause);
}

static int
init_loop(struct worker *w)
{
	/*
	 * Pinned: libev's other backends fail or abort on some kernels, and
	 * LIBEV_FLAGS in the environment must not choose them.
	 */
	w->loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (w->loop == NULL)
		return -ENOMEM;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll == -1)
		return -errno;
	ev_io_init(&w->epoll_ready, on_epoll_ready, w->epoll, EV_READ);
	ev_io_start(w->loop, &w->epoll_ready);
	ev_async_init(&w->woken, on_woken);
	ev_async_start(w->loop, &w->woken);
	ev_prepare_init(&w->bury, on_bury);
	ev_prepare_start(w->loop, &w->bury);
	ev_idle_init(&w->busy_again, on_busy_again);
	ev_timer_init(&w->unpause, on_unpause, 0., 0.);
	ev_timer_init(&w->upkeep, on_upkeep, UPKEEP_S, UPKEEP_S);
	ev_timer_start(w->loop, &w->upkeep);
	ev_timer_init(&w->refresh, on_refresh, 0., FRESH_MS / 1000.);
	return 0;
}

int
worker_init(struct worker *w, struct worker_shared *shared, unsigned index)
{
	w->shared = shared;
	w->index = index;
	w->epoll = -1;
	LIST_INIT(&w->sessions);
	TAILQ_INIT(&w->busy);
	TAILQ_INIT(&w->fresh);
	SLIST_INIT(&w->graveyard);
	SLIST_INIT(&w->acceptors);
	STAILQ_INIT(&w->gifts);
	(void)pthread_mutex_init(&w->gift_lock, NULL);
	w->chance = (uint64_t)mono_now().ns + index;
	pipes_init(&w->pipes, shared->pipes);
	tap_init(&w->tap, w, shared->feed);
	w->tools =
	    (struct flow_tools){ .scratch = w->scratch, .pipes = &w->pipes };
	w->servers = calloc(shared->n_servers + 1, sizeof(*w->servers));
	w->services = calloc(shared->n_pools + 1, sizeof(*w->services));
	if (w->servers == NULL || w->services == NULL)
		return -ENOMEM;
	return init_loop(w);
}

int
worker_add_listener(struct worker *w, struct pool *pool, int *listener)
{
	struct acceptor *a = acceptor_new(w, pool, listener);

	if (a == NULL)
		return -ENOMEM;
	SLIST_INSERT_HEAD(&w->acceptors, a, all);
	return 0;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	(void)snprintf(name, sizeof(name), "relay-w%u", w->index);
	proc_set_name(name);
	watch_all(w);
	(void)ev_run(w->loop, 0);
	return NULL;
}

int
worker_start(struct worker *w)
{
	sigset_t all, before;
	int r;

	/* Signals are the main thread's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, worker_main, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->started = r == 0;
	return -r;
}

void
worker_wake(struct worker *w)
{
	ev_async_send(w->loop, &w->woken);
}

void
worker_wake_owner(void *owner)
{
	worker_wake(owner);
}

void
worker_wake_all(struct worker_shared *shared)
{
	for (unsigned i = 0; i < shared->n_workers; i++)
		worker_wake(&shared->workers[i]);
}

void
worker_cut_all(struct worker_shared *shared)
{
	for (unsigned i = 0; i < shared->n_workers; i++) {
		atomic_store(&shared->workers[i].look_cuts, true);
		worker_wake(&shared->workers[i]);
	}
}

/* Clients that came too late for this worker. */
static void
drop_gifts(struct worker *w)
{
	struct worker_gift *g;

	while ((g = STAILQ_FIRST(&w->gifts)) != NULL) {
		STAILQ_REMOVE_HEAD(&w->gifts, link);
		fd_close(&g->fd);
		free(g);
	}
}

void
worker_fini(struct worker *w)
{
	struct acceptor *a;

	if (w->started) {
		atomic_store(&w->stop, true);
		worker_wake(w);
		(void)pthread_join(w->thread, NULL);
		w->started = false;
	}
	if (w->loop != NULL) {
		reset_all(w, ENDING_STOPPED);
		drop_gifts(w);
		on_bury(w->loop, &w->bury, 0);
		tap_fini(&w->tap);
		pipes_fini(&w->pipes);
		while ((a = SLIST_FIRST(&w->acceptors)) != NULL) {
			SLIST_REMOVE_HEAD(&w->acceptors, all);
			acceptor_free(a);
		}
		ev_loop_destroy(w->loop);
		w->loop = NULL;
	}
	fd_close(&w->epoll);
	free(w->servers);
	free(w->services);
	w->servers = NULL;
	w->services = NULL;
}

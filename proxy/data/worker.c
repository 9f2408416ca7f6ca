#include "proxy/data/worker.h"

#include "config/config.h"
#include "core/liveness.h"
#include "core/proc.h"
#include "proxy/data/placement.h"
#include "proxy/data/session.h"
#include "proxy/data/session_connect.h"
#include "proxy/data/session_end.h"
#include "proxy/data/session_move.h"
#include "proxy/data/session_run.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

#define EVENTS_PER_TURN 256

/*
 * Each session is looked at about every 2 s: this often, and at most so many at
 * a time, so that nobody waits for it; where there are more, more often.
 */
#define UPKEEP_S 0.1
#define UPKEEP_PART 20
#define UPKEEP_LEAST 64
#define UPKEEP_MOST 256

static void
bury(struct worker *w)
{
	struct session *s;

	while ((s = SLIST_FIRST(&w->sessions.graveyard)) != NULL) {
		SLIST_REMOVE_HEAD(&w->sessions.graveyard, buried);
		session_free(s);
	}
}

/*
 * Those with more to move have a turn each, the longest waiting first, until
 * together they have had one turn's bytes: then epoll is asked again, since
 * small exchanges go first.
 */
static void
run_busy(struct worker *w)
{
	struct session_thread *t = &w->sessions;
	const uint64_t enough = t->moved + FLOW_TURN_BYTES;
	struct session *last = TAILQ_LAST(&t->busy, session_thread_busy);
	struct session *s;

	t->tools.turn_bytes = FLOW_TURN_BYTES;
	while ((s = TAILQ_FIRST(&t->busy)) != NULL) {
		bool was_last = s == last;

		TAILQ_REMOVE(&t->busy, s, busy);
		s->is_busy = false;
		session_move_turn(s);
		if (was_last || t->moved >= enough)
			break;
	}
	t->tools.turn_bytes = FLOW_SLICE_BYTES;
}

static void
on_epoll_ready(struct ev_loop *loop, ev_io *io, int revents)
{
	struct worker *w = CONTAINER_OF(io, struct worker, epoll_ready);
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(w->sessions.epoll, events, EVENTS_PER_TURN, 0);

	(void)loop;
	(void)revents;
	w->sessions.now = mono_now();
	for (int i = 0; i < n; i++)
		session_run_event(events[i].data.ptr, events[i].events);
	run_busy(w);
}

/* Nothing else is to do. */
static void
on_idle(struct ev_loop *loop, ev_idle *idle, int revents)
{
	struct worker *w = CONTAINER_OF(idle, struct worker, busy_again);

	(void)loop;
	(void)revents;
	w->sessions.now = mono_now();
	run_busy(w);
}

/* Whoever is busy keeps the loop from sleeping. */
static void
on_before_sleep(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct worker *w = CONTAINER_OF(prepare, struct worker, bury);

	(void)revents;
	bury(w);
	if (TAILQ_EMPTY(&w->sessions.busy))
		ev_idle_stop(loop, &w->busy_again);
	else
		ev_idle_start(loop, &w->busy_again);
}

static void
reset_all(struct worker *w, enum end_reason reason)
{
	struct session *s, *next;

	for (s = LIST_FIRST(&w->sessions.sessions); s != NULL; s = next) {
		next = LIST_NEXT(s, all);
		session_end_reset(s, reason, 0);
	}
}

/* Those who left are told of, and no order stands any more. */
static void
finish_sweep(struct worker *w)
{
	const struct config_pair *pair = &w->shared->config->pair;
	const unsigned groups = w->sweep.groups;

	for (unsigned i = 0; i < CONFIG_GROUPS_MAX; i++)
		/* Nor must anybody stay whom a full service never accepted. */
		if ((groups & 1U << i) != 0)
			acceptor_reset_waiting(&w->acceptors, &pair->groups[i]);
	if (w->sweep.all)
		atomic_store(&w->dropped, true);
	w->sweep = (struct session_sweep){ 0 };
	if (groups == 0)
		return;
	atomic_fetch_or(&w->dropped_groups, groups);
	ev_async_send(w->shared->sessions.main, &w->shared->dropped);
}

static void
sweep(struct worker *w)
{
	/* Others have their turn in between, and who watches sees us turn. */
	liveness_beat(w->shared->liveness, LIVENESS_MAIN + 1 + w->index);
	if (session_sweep_turn(
	        &w->sweep, &w->sessions, &w->shared->config->pair))
		finish_sweep(w);
	else
		worker_wake(w);
}

static void
collect_grants(struct worker *w)
{
	struct pool_waiter *waiter;

	for (size_t i = 0; i < w->shared->n_pools; i++)
		while ((waiter = pool_collect(
		            &w->shared->pools[i], &w->sessions)) != NULL)
			session_connect_on_grant(
			    CONTAINER_OF(waiter, struct session, waiter));
}

static void
on_woken(struct ev_loop *loop, ev_async *async, int revents)
{
	struct worker *w = CONTAINER_OF(async, struct worker, sessions.woken);
	const bool drop_all = atomic_load(&w->drop_all);

	(void)revents;
	placement_unwrap(&w->sessions); /* first: may have to be reset, too */
	w->acceptors.closed = drop_all;
	session_sweep_order(&w->sweep, atomic_exchange(&w->look_cuts, false),
	    drop_all, atomic_exchange(&w->drop_groups, 0));
	/* First: whoever is reset for an address that left is told of. */
	conn_report_look(&w->conn_report);
	sweep(w);
	collect_grants(w);
	acceptor_look(&w->acceptors);
	if (atomic_load(&w->stop))
		ev_break(loop, EVBREAK_ALL);
}

static void
on_upkeep(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct worker *w = CONTAINER_OF(t, struct worker, upkeep);
	struct session_thread *all = &w->sessions;
	const unsigned here = atomic_load(&all->n_sessions);
	unsigned n = here / UPKEEP_PART + UPKEEP_LEAST;

	(void)revents;
	liveness_beat(w->shared->liveness, LIVENESS_MAIN + 1 + w->index);
	if (memory_trim_is_due(&w->memory, here))
		(void)malloc_trim(0);
	t->repeat = UPKEEP_S;
	if (n > UPKEEP_MOST) {
		t->repeat = UPKEEP_S * UPKEEP_MOST / n;
		n = UPKEEP_MOST;
	}
	ev_timer_again(loop, t);
	if (all->next_upkeep == NULL)
		all->next_upkeep = LIST_FIRST(&all->sessions);
	while (n-- > 0 && all->next_upkeep != NULL) {
		struct session *s = all->next_upkeep;

		all->next_upkeep = LIST_NEXT(s, all);
		session_move_upkeep(s);
	}
}

static void
watch(struct worker *w)
{
	struct session_thread *t = &w->sessions;

	ev_io_init(&w->epoll_ready, on_epoll_ready, t->epoll, EV_READ);
	ev_io_start(t->loop, &w->epoll_ready);
	ev_async_init(&t->woken, on_woken);
	ev_async_start(t->loop, &t->woken);
	ev_prepare_init(&w->bury, on_before_sleep);
	ev_prepare_start(t->loop, &w->bury);
	ev_idle_init(&w->busy_again, on_idle);
	ev_timer_init(&w->upkeep, on_upkeep, UPKEEP_S, UPKEEP_S);
	ev_timer_start(t->loop, &w->upkeep);
}

int
worker_init(struct worker *w, struct worker_shared *shared, unsigned index)
{
	struct session_thread *t = &w->sessions;
	int e;

	w->shared = shared;
	w->index = index;
	pipes_init(&w->pipes, shared->pipes);
	t->tools = (struct flow_tools){ .turn_bytes = FLOW_SLICE_BYTES,
		.scratch = w->scratch,
		.pipes = &w->pipes };
	t->conn_report = &w->conn_report;
	conn_report_init(&w->conn_report, t, shared->conn_feed);
	acceptor_init(&w->acceptors, t);
	e = session_thread_init(
	    t, &shared->sessions, shared->n_servers, shared->n_pools);
	if (e == 0)
		watch(w);
	return e;
}

int
worker_add_listener(struct worker *w, struct pool *pool, int *listener)
{
	return acceptor_add(&w->acceptors, pool, listener);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	(void)snprintf(name, sizeof(name), "relay-w%u", w->index);
	proc_set_name(name);
	acceptor_look(&w->acceptors);
	(void)ev_run(w->sessions.loop, 0);
	return NULL;
}

int
worker_start(struct worker *w)
{
	sigset_t all, before;
	int e;

	/* Signals are the main thread's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&w->thread, NULL, worker_main, w);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->started = e == 0;
	return -e;
}

void
worker_wake(struct worker *w)
{
	session_thread_wake(&w->sessions);
}

void
worker_cut_all(struct worker_shared *shared)
{
	for (unsigned i = 0; i < shared->n_workers; i++) {
		atomic_store(&shared->workers[i].look_cuts, true);
		worker_wake(&shared->workers[i]);
	}
}

void
worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	atomic_store(&w->stop, true);
	worker_wake(w);
	(void)pthread_join(w->thread, NULL);
	w->started = false;
}

void
worker_fini(struct worker *w)
{
	struct session_thread *t = &w->sessions;

	if (t->loop != NULL) {
		reset_all(w, END_REASON_STOPPED);
		placement_drop(t);
		bury(w);
		conn_report_fini(&w->conn_report);
		pipes_fini(&w->pipes);
		acceptor_fini(&w->acceptors);
	}
	session_thread_fini(t);
}

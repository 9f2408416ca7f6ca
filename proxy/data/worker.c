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
#include "proxy/data/session_tour.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/epoll.h>

#define EVENTS_PER_TURN 256

/*
 * Each session is looked at about every 2 s: this often, and at most so many at
 * a time, so that nobody waits for it; where there are more, more often.
 */
#define UPKEEP_MS 100
#define UPKEEP_PART 20
#define UPKEEP_LEAST 64
#define UPKEEP_MOST 256

/*
 * From one part of a list to the next, which takes a twentieth of it: 100,000
 * connections of two workers are told of in some four seconds.
 */
#define TOUR_US 1000

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

/* One that ended in this turn may be told of once more, and is still there. */
static void
tell(const struct epoll_event *ev)
{
	struct session_thread_source *source;

	if ((ev->data.u64 & SESSION_THREAD_OTHER) == 0) {
		session_run_event(ev->data.ptr, ev->events);
		return;
	}
	source = (void *)(uintptr_t)(ev->data.u64 - SESSION_THREAD_OTHER);
	source->on_ready(source);
}

/* Whoever is busy keeps the thread from sleeping. */
void
worker_turn(struct worker *w)
{
	struct session_thread *t = &w->sessions;
	struct epoll_event events[EVENTS_PER_TURN];
	/* From the last turn's begin: no timer minds that it is late by one. */
	int wait_ms =
	    TAILQ_EMPTY(&t->busy) ? timers_wait_ms(&t->timers, t->now) : 0;
	int n = epoll_wait(t->epoll, events, EVENTS_PER_TURN, wait_ms);

	t->now = mono_now();
	t->turn++;
	for (int i = 0; i < n; i++)
		tell(&events[i]);
	if (!TAILQ_EMPTY(&t->busy))
		run_busy(w);
	timers_run(&t->timers, t->now);
	bury(w);
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
	const unsigned groups = w->sweep.groups;

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
	/* First who has a place, which somebody in a backlog may need. */
	if (session_sweep_turn(
	        &w->sweep, &w->sessions, &w->shared->config->pair) &&
	    acceptor_reset_turn(&w->acceptors))
		finish_sweep(w);
	else
		worker_wake(w);
}

/* Kills go on at once, with a turn of the others in between; lists in a while.
 */
static void
tour(struct worker *w)
{
	struct session_thread *t = &w->sessions;

	timers_stop(&t->timers, &w->tours);
	switch (session_tour_turn(t)) {
	case SESSION_TOUR_NONE:
		break;
	case SESSION_TOUR_AT_ONCE:
		worker_wake(w);
		break;
	case SESSION_TOUR_LATER:
		timers_set(&t->timers, &w->tours, mono_add_us(t->now, TOUR_US));
		break;
	}
}

static void
on_tours(struct timers_timer *t)
{
	tour(CONTAINER_OF(t, struct worker, tours));
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
on_woken(struct session_thread_source *source)
{
	struct worker *w =
	    CONTAINER_OF(source, struct worker, sessions.on_woken);
	struct session_sweep_orders orders;

	session_thread_begin_to_look(&w->sessions);
	orders.all = atomic_load(&w->drop_all);
	placement_unwrap(&w->sessions); /* first: may have to be reset, too */
	w->acceptors.closed = orders.all || atomic_load(&w->hold);
	orders.groups = atomic_exchange(&w->drop_groups, 0);
	orders.cut = atomic_exchange(&w->look_cuts, false);
	orders.gone = atomic_exchange(&w->drop_gone, false);
	session_sweep_order(&w->sweep, &orders);
	/* Nor must anybody stay whom a full service never accepted. */
	acceptor_reset_order(
	    &w->acceptors, w->shared->config->pair.groups, orders.groups);
	/* First: whoever is reset for an address that left is told of. */
	conn_report_look(&w->conn_report);
	sweep(w);
	session_tour_begin_sent(&w->sessions);
	if (!timers_is_set(&w->tours))
		tour(w);
	collect_grants(w);
	if (atomic_load(&w->close))
		acceptor_close_all(&w->acceptors);
	acceptor_look(&w->acceptors);
	atomic_store(&w->held, w->acceptors.closed);
	w->ended = atomic_load(&w->stop);
}

static void *
trim_main(void *arg)
{
	(void)arg;
	proc_set_name("relay-trim");
	(void)malloc_trim(0);
	return NULL;
}

/*
 * On a thread of its own: this goes through the heaps of all threads, and waits
 * for the lock of each. The page's thread and others have a lower priority: one
 * that is stopped within the C library would keep this worker's clients
 * waiting. Where no thread can be had, the next crowd that leaves is the
 * occasion.
 */
static void
give_back(void)
{
	pthread_t thread;

	if (proc_start_thread(&thread, 0, trim_main, NULL) == 0)
		(void)pthread_detach(thread);
}

static void
on_upkeep(struct timers_timer *t)
{
	struct worker *w = CONTAINER_OF(t, struct worker, upkeep);
	struct session_thread *all = &w->sessions;
	const unsigned here = atomic_load(&all->n_sessions);
	unsigned n = here / UPKEEP_PART + UPKEEP_LEAST;
	int64_t again_us = UPKEEP_MS * 1000;

	liveness_beat(w->shared->liveness, LIVENESS_MAIN + 1 + w->index);
	memory_trim_note(&w->memory, all->peak);
	all->peak = here;
	if (memory_trim_is_due(&w->memory, here, all->now))
		give_back();
	if (n > UPKEEP_MOST) {
		again_us = again_us * UPKEEP_MOST / n;
		n = UPKEEP_MOST;
	}
	timers_set(&all->timers, t, mono_add_us(all->now, again_us));
	if (all->next_upkeep == NULL)
		all->next_upkeep = LIST_FIRST(&all->sessions);
	while (n-- > 0 && all->next_upkeep != NULL) {
		struct session *s = all->next_upkeep;

		all->next_upkeep = LIST_NEXT(s, all);
		session_move_upkeep(s);
	}
}

/* The timers of its own, which are there before any session. */
static int
join_timers(struct worker *w)
{
	struct session_thread *t = &w->sessions;
	int e = timers_join(&t->timers, &w->upkeep, on_upkeep);

	if (e == 0)
		e = timers_join(&t->timers, &w->tours, on_tours);
	if (e == 0)
		timers_set(
		    &t->timers, &w->upkeep, mono_add_ms(mono_now(), UPKEEP_MS));
	if (e == 0)
		e = conn_report_init(&w->conn_report, t, w->shared->conn_feed);
	return e == 0 ? acceptor_init(&w->acceptors, t) : e;
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
	t->on_woken.on_ready = on_woken;
	e = session_thread_init(
	    t, &shared->sessions, shared->n_servers, shared->n_pools);
	if (e == 0)
		e = join_timers(w);
	w->built = e == 0;
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
	liveness_enter(w->shared->liveness, LIVENESS_MAIN + 1 + w->index);
	w->sessions.now = mono_now();
	acceptor_look(&w->acceptors);
	while (!w->ended)
		worker_turn(w);
	return NULL;
}

int
worker_start(struct worker *w)
{
	int e = proc_start_thread(&w->thread, 0, worker_main, w);

	w->started = e == 0;
	return e;
}

void
worker_wake(struct worker *w)
{
	session_thread_wake(&w->sessions);
}

bool
worker_has_orders(struct worker *w)
{
	return session_sweep_is_ordered(&w->sweep) ||
	    atomic_load(&w->look_cuts) || atomic_load(&w->drop_all) ||
	    atomic_load(&w->drop_gone) || atomic_load(&w->drop_groups) != 0;
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

	if (w->built) {
		reset_all(w, END_REASON_STOPPED);
		placement_drop(t);
		bury(w);
		conn_report_fini(&w->conn_report);
		pipes_fini(&w->pipes);
		acceptor_fini(&w->acceptors);
	}
	session_thread_fini(t);
}

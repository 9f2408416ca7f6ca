#pragma once

/*
 * What all sessions of a worker have of their thread: its epoll set and timers,
 * the lists that they are in, the tools of their flows, the counters that this
 * thread alone writes. Part of struct worker, which drives it; the thread's own
 * but for what is said to be for others.
 */

#include "proxy/data/counters.h"
#include "proxy/data/flow.h"
#include "proxy/data/timers.h"
#include "proxy/pool/conn_limit.h"

#include "core/mono.h"

#include <ev.h>
#include <pthread.h>
#include <sys/queue.h>

struct conn_report;
struct placement_gift;
struct pool;
struct session;
struct session_thread;
struct session_tour;

/* What the threads of the relay share. */
struct session_thread_shared {
	struct conn_limit limit; /* of the node */
	bool log_connections;
	struct ev_loop *main; /* borrowed: the main thread's, which is told */
	ev_async accused;     /* of a live connect that failed */
	STAILQ_HEAD(, session_thread) threads; /* before any of them runs */
	unsigned n_threads;
};

/*
 * What the epoll set has besides the ends of sessions, which are most of it and
 * are told directly: the address of this goes with SESSION_THREAD_OTHER, a bit
 * that is 0 in theirs.
 */
struct session_thread_source {
	void (*on_ready)(struct session_thread_source *);
};
#define SESSION_THREAD_OTHER 1u

struct session_thread {
	struct session_thread_shared *shared; /* borrowed: the relay's */
	int epoll;
	int wake_fd;       /* an eventfd: session_thread_wake */
	atomic_bool woken; /* and not looked at yet */
	struct session_thread_source on_woken; /* the worker's */
	struct timers timers;
	struct mono now; /* when this turn began */
	uint32_t turn;   /* its number */
	LIST_HEAD(, session) sessions;
	struct session *next_upkeep; /* NULL: from the first */
	struct session *next_sweep;  /* see session_sweep.h; NULL: the end */
	struct session *next_give;   /* see transfer_giver.h; likewise */
	TAILQ_HEAD(session_thread_busy, session) busy;
	/* See session_tour.h; the second of any thread. */
	TAILQ_HEAD(, session_tour) tours;
	_Atomic(struct session_tour *) sent_tours;
	SLIST_HEAD(, session) graveyard;
	atomic_uint n_sessions;   /* for the others to compare */
	unsigned peak;            /* of them, since the worker last looked */
	struct counters *servers; /* by pool_server.slot */
	struct counters_service *services; /* by pool.index */
	uint64_t moved;                    /* bytes, all in all */
	struct flow_tools tools;
	struct conn_report *conn_report; /* borrowed: the worker's */
	uint64_t chance;                 /* see session_thread_chance */
	uint64_t last_id;                /* see session_thread_id */
	unsigned index;                  /* among the threads of the relay */
	/* From any thread, under the lock: see placement.h. */
	STAILQ_HEAD(, placement_gift) gifts;
	pthread_mutex_t gift_lock;
	STAILQ_ENTRY(session_thread) all;
};

/*
 * From zeroes; the shared ones know of it from now on. Returns 0 or -errno;
 * session_thread_fini takes the half-built.
 */
MUST_CHECK int session_thread_init(struct session_thread *t,
    struct session_thread_shared *shared, unsigned n_servers,
    unsigned n_services);

/* When its sessions are freed and its thread has ended. */
void session_thread_fini(struct session_thread *t);

/*
 * Tells of the descriptor as long as it is readable; until unwatched. Returns 0
 * or -errno.
 */
MUST_CHECK int session_thread_watch(
    struct session_thread *t, int fd, struct session_thread_source *source);
void session_thread_unwatch(struct session_thread *t, int fd);

/* From any thread: look at limits, pools and orders again. */
void session_thread_wake(struct session_thread *t);
void session_thread_wake_all(struct session_thread_shared *shared);

/* When woken, before the look: whoever wakes it from now on is not missed. */
void session_thread_begin_to_look(struct session_thread *t);

/* The same, for pool_waiter.wake: `owner` is the thread. */
void session_thread_wake_owner(void *owner);

/* A place in both gates, or none; and back. */
MUST_CHECK bool session_thread_enter_limits(
    struct session_thread *t, struct pool *pool);
/* One that was let in before, wherever that was: over the limits, too. */
void session_thread_join_limits(struct session_thread *t, struct pool *pool);
void session_thread_leave_limits(struct session_thread *t, struct pool *pool);

/*
 * The id of a session that begins now: a moment, so that no later relay gives
 * it again, and in its low bits the thread, so that no other one does either.
 */
uint64_t session_thread_id(struct session_thread *t, struct mono now);

/* 64 bits of chance for balancing: fast, and no secret. */
uint64_t session_thread_chance(struct session_thread *t);

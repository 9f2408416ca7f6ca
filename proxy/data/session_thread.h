#pragma once

/*
 * What all sessions of a worker have of their thread: its loop and epoll set,
 * the lists that they are in, the tools of their flows, the counters that this
 * thread alone writes. Part of struct worker, which drives it; the thread's own
 * but for what is said to be for others.
 */

#include "proxy/data/counters.h"
#include "proxy/data/flow.h"
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

/* What the threads of the relay share. */
struct session_thread_shared {
	struct conn_limit limit; /* of the node */
	bool log_connections;
	struct ev_loop *main; /* borrowed: the main thread's, which is told */
	ev_async accused;     /* of a live connect that failed */
	STAILQ_HEAD(, session_thread) threads; /* before any of them runs */
};

struct session_thread {
	struct session_thread_shared *shared; /* borrowed: the relay's */
	struct ev_loop *loop;
	ev_async woken; /* by anyone: session_thread_wake */
	int epoll;
	/* When this turn began. Not the loop's idea, which is the date's. */
	struct mono now;
	LIST_HEAD(, session) sessions;
	struct session *next_upkeep; /* NULL: from the first */
	struct session *next_sweep;  /* see session_sweep.h; NULL: the end */
	TAILQ_HEAD(session_thread_busy, session) busy;
	SLIST_HEAD(, session) graveyard;
	atomic_uint n_sessions;            /* for the others to compare */
	struct counters *servers;          /* by pool_server.slot */
	struct counters_service *services; /* by pool.index */
	uint64_t moved;                    /* bytes, all in all */
	struct flow_tools tools;
	struct conn_report *conn_report; /* borrowed: the worker's */
	uint64_t chance;                 /* see session_thread_chance */
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

/* From any thread: look at limits, pools and orders again. */
void session_thread_wake(struct session_thread *t);
void session_thread_wake_all(struct session_thread_shared *shared);

/* The same, for pool_waiter.wake: `owner` is the thread. */
void session_thread_wake_owner(void *owner);

/* A place in both gates, or none; and back. */
MUST_CHECK bool session_thread_enter_limits(
    struct session_thread *t, struct pool *pool);
void session_thread_leave_limits(struct session_thread *t, struct pool *pool);

/* 64 bits of chance for balancing: fast, and no secret. */
uint64_t session_thread_chance(struct session_thread *t);

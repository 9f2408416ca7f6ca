#pragma once

/*
 * A worker: a thread that accepts connections and moves their bytes. What it
 * shares with the others are the pools, the limits and the orders below.
 *
 * It has no libev loop but an epoll set and timers of its own: on this path
 * each system call counts. Connections are in the set edge-triggered, with one
 * registration per descriptor that is never changed. Nothing is freed under its
 * own callback: what has ended waits in the graveyard, emptied before the
 * thread sleeps.
 */

#include "proxy/data/acceptor.h"
#include "proxy/data/conn_report.h"
#include "proxy/data/memory_trim.h"
#include "proxy/data/pipes.h"
#include "proxy/data/session_sweep.h"
#include "proxy/data/session_thread.h"

#include <ev.h> /* of `dropped`, which is the main thread's */

struct config;
struct conn_feed;
struct liveness;
struct pool;

/* What all workers of the relay share; owned by services.c. */
struct worker_shared {
	const struct config *config;
	struct session_thread_shared sessions;
	struct pool *pools;
	unsigned n_pools, n_servers;
	struct worker *workers;
	unsigned n_workers;
	unsigned pipes;   /* a worker may have */
	ev_async dropped; /* a worker has added to its `dropped_groups` */
	struct conn_feed *conn_feed; /* NULL: no pair */
	struct liveness
	    *liveness; /* borrowed: relay.c's; NULL: nobody watches */
};

struct worker {
	struct worker_shared *shared; /* borrowed: services.c's */
	unsigned index;
	pthread_t thread;
	bool built, started;
	struct session_thread sessions;
	struct session_sweep sweep;
	struct acceptor_set acceptors;
	struct timers_timer upkeep;
	struct timers_timer tours; /* an operator's list goes on */
	bool ended;                /* as `stop` orders */
	/* Orders from the main thread, read when woken. */
	atomic_bool stop, drop_all, dropped;
	atomic_bool look_cuts; /* servers were cut: pool.h */
	atomic_bool drop_gone; /* those that are: session.h */
	/* Nobody is to be accepted for now; and whether that is so. */
	atomic_bool hold, held;
	/* Nor later, once it is held: another relay has the listeners. */
	atomic_bool close;
	/* A bit each: groups whose connections shall end, and whose did. */
	atomic_uint drop_groups, dropped_groups;
	struct memory_trim memory;
	struct pipes pipes;
	struct conn_report conn_report;
	uint8_t scratch[FLOW_SCRATCH_BYTES];
};

/* A turn: what has happened since the last, by its own thread. */
void worker_turn(struct worker *w);

/* Starts from zeroes. Returns 0 or -errno; worker_fini frees what is there. */
MUST_CHECK int worker_init(
    struct worker *w, struct worker_shared *shared, unsigned index);

/* Before worker_start: accepts from this socket, which it now owns. */
MUST_CHECK int worker_add_listener(
    struct worker *w, struct pool *pool, int *listener);

MUST_CHECK int worker_start(struct worker *w);

/* From any thread: look at the orders again. */
void worker_wake(struct worker *w);

/*
 * By its own thread: sessions are being ended, as somebody has ordered, or are
 * about to be.
 */
bool worker_has_orders(struct worker *w);

/* From any thread: ends the connections whose servers were cut (pool.h). */
void worker_cut_all(struct worker_shared *shared);

/* Ends the thread; until all have, any of them may wake any other. */
void worker_stop(struct worker *w);

/* Frees a worker that was stopped; connections left are reset. */
void worker_fini(struct worker *w);

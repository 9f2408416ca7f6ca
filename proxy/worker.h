#pragma once

/*
 * A worker: a thread with a libev loop of its own that accepts connections and
 * moves their bytes. What it shares with the others are the pools, the gates
 * and the orders below; its counters it alone writes.
 *
 * Connections are in an edge-triggered epoll set that the loop hosts as one
 * watcher: one registration per descriptor, none ever changed. Nothing is
 * freed under its own callback: what has ended waits in the graveyard, emptied
 * before the loop sleeps.
 */

#include "proxy/counters.h"
#include "proxy/gate.h"
#include "proxy/pipes.h"
#include "proxy/pool.h"
#include "proxy/session.h"
#include "proxy/tap.h"

#include "core/addr.h"
#include "core/limiter.h"
#include "core/mono.h"

#include <ev.h>
#include <sys/queue.h>

struct acceptor;
struct config;
struct feed;
struct pulse;
struct worker_gift;

/* What all workers of the relay share; owned by relay.c. */
struct worker_shared {
	const struct config *config;
	struct pool *pools;
	size_t n_pools, n_servers;
	struct gate gate; /* of the node */
	struct worker *workers;
	unsigned n_workers;
	unsigned pipes; /* a worker may have */
	/* Runs on any worker's thread: a live connect to this server failed. */
	void (*on_accused)(void *arg);
	void *on_accused_arg;
	/* Likewise: a worker has added to its `dropped_groups`. */
	void (*on_dropped)(void *arg);
	void *on_dropped_arg;
	struct feed *feed; /* NULL: no pair */
	bool log_connections;
	struct pulse *pulse; /* borrowed: relay.c's; NULL: nobody watches */
};

struct worker {
	struct worker_shared *shared; /* borrowed: relay.c's */
	unsigned index;
	pthread_t thread;
	bool started;
	struct ev_loop *loop;
	/* When this turn began. Not the loop's idea, which is the date's. */
	struct mono now;
	int epoll;
	ev_io epoll_ready;
	ev_async woken;
	ev_prepare bury;
	ev_idle busy_again;
	ev_timer unpause, upkeep, refresh;
	bool paused;                    /* accepting, for want of descriptors */
	struct limiter pauses, denials; /* of their log lines */
	/* Orders from the main thread, read when woken. */
	atomic_bool stop, drop_all, dropped;
	atomic_bool look_cuts; /* servers were cut: pool.h */
	/* A bit each: groups whose connections shall end, and whose did. */
	atomic_uint drop_groups, dropped_groups;
	LIST_HEAD(, session) sessions;
	struct session *next_upkeep; /* NULL: from the first */
	atomic_uint n_sessions;      /* for the others to compare */
	TAILQ_HEAD(worker_busy, session) busy;
	TAILQ_HEAD(, session) fresh; /* the oldest first */
	SLIST_HEAD(, session) graveyard;
	SLIST_HEAD(, acceptor) acceptors;
	STAILQ_HEAD(, worker_gift) gifts; /* under gift_lock */
	pthread_mutex_t gift_lock;
	struct counters *servers;          /* by pool_server.slot */
	struct counters_service *services; /* by pool.index */
	uint64_t chance;                   /* see worker_chance */
	struct pipes pipes;
	struct tap tap;
	struct flow_tools tools;
	uint8_t scratch[FLOW_SCRATCH_BYTES];
};

/* Starts from zeroes. Returns 0 or -errno; worker_fini frees what is there. */
MUST_CHECK int worker_init(
    struct worker *w, struct worker_shared *shared, unsigned index);

/* Before worker_start: accepts from this socket, which it now owns. */
MUST_CHECK int worker_add_listener(
    struct worker *w, struct pool *pool, int *listener);

MUST_CHECK int worker_start(struct worker *w);

/* From any thread: look at gates, pools and orders again. */
void worker_wake(struct worker *w);
void worker_wake_all(struct worker_shared *shared);

/* The same, for pool_waiter.wake: `owner` is the worker. */
void worker_wake_owner(void *owner);

/* From any thread: ends the connections whose servers were cut (pool.h). */
void worker_cut_all(struct worker_shared *shared);

/*
 * A client that one worker has accepted goes to the one with the least
 * connections, if the difference is worth it: the kernel spreads by a hash,
 * which serves few, heavy connections badly. Takes the descriptor and its
 * places in the gates.
 */
void worker_place(struct worker *w, struct pool *pool, int client_fd,
    const union addr *client);

/* A session begins and ends; it is freed before the loop sleeps. */
void worker_remember(struct worker *w, struct session *s);
void worker_forget(struct worker *w, struct session *s);

/*
 * A session is fresh for its first moments: its sockets delay their
 * acknowledgements (dial_delay_acks), and say what they owe when that is over.
 */
void worker_add_fresh(struct worker *w, struct session *s);

/* A place in both gates, or none; and back. */
MUST_CHECK bool worker_enter_gates(struct worker *w, struct pool *pool);
void worker_leave_gates(struct worker *w, struct pool *pool);

/* 64 bits that nobody needs to be unable to guess. */
uint64_t worker_chance(struct worker *w);

/* Accepting stops for a moment: descriptors are short. On its own thread. */
void worker_pause(struct worker *w);

/* Ends the thread, then frees; connections left are reset. */
void worker_fini(struct worker *w);

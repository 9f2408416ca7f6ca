#pragma once

/*
 * A session is one connection: the client's socket and the server's. Accepted
 * by a worker, it gets a server (or waits for one), is connected to it, and
 * then two flows move the bytes; on the worker's thread for all its life. This
 * is the value, and what all phases of that life do with it: session_run.h
 * begins it, session_connect.h and session_move.h go on, session_end.h ends it.
 *
 * End-of-stream is in the flows, never inferred from the kernel's socket
 * states, and `info` describes the session wholly apart from descriptors and
 * buffers.
 */

#include "proxy/data/dead_peer.h"
#include "proxy/data/end_reason.h"
#include "proxy/data/flow.h"
#include "proxy/data/session_thread.h"
#include "proxy/pool/pool.h"

#include "core/addr.h"
#include "core/mono.h"

#include <sys/queue.h>

#define SESSION_NO_SERVER (-1)

enum session_side {
	SESSION_CLIENT,
	SESSION_SERVER,
};

enum session_phase {
	SESSION_LISTENING,  /* at_first_byte: until the client speaks */
	SESSION_QUEUED,     /* until there is a server, or a place there */
	SESSION_CONNECTING, /* to info.server */
	SESSION_MOVING,
	SESSION_PARTING, /* the server has reset it: see session_move.c */
	SESSION_GIVEN,   /* on its way to another process: nothing touches it */
	SESSION_ENDED,   /* in the graveyard */
};

/* In an order without gaps: each idle connection has one. */
struct session_info {
	union addr client;
	uint64_t id; /* that failover knows it by, also of another relay's */
	int server;  /* index in the pool, or -1 */
	struct mono accepted, connected; /* connected: never, until it is */
	struct mono waits_until; /* timeouts.queue is over; never: not set */
	unsigned attempts;
	uint32_t queued_ms;
	int error;            /* errno behind the ending, or 0 */
	uint16_t source_port; /* of our allocator, or 0 */
	uint8_t reason;       /* enum end_reason */
};

struct session {
	struct session_thread *thread; /* borrowed: its worker's */
	struct pool *pool;             /* borrowed */
	enum session_phase phase;
	bool is_busy;
	bool is_young;    /* in conn_report.young */
	bool is_told;     /* failover knows of it: see conn_report.h */
	bool stays;       /* the next relay cannot have it */
	bool is_gone;     /* since its service or server is in no file there */
	bool shared;      /* another relay may have its sockets, too */
	bool kept;        /* has lasted: see session_move_upkeep */
	uint32_t dialled; /* the turn in which its attempt began */
	struct mono joined;        /* the sessions of its thread */
	struct flow_end ends[2];   /* by side; epoll points at these */
	struct flow flows[2];      /* by the side they come from */
	struct dead_peer peers[2]; /* by side; see session_move_upkeep */
	struct session_info info;
	struct pool_waiter waiter;
	struct timers_timer timer; /* of the phase; while moving: of idleness */
	struct mono active;        /* when bytes last moved */
	uint64_t parting_delivered; /* to the client, when last looked at */
	LIST_ENTRY(session) all;
	union {
		TAILQ_ENTRY(session) busy;
		SLIST_ENTRY(session) buried; /* busy no more */
	};
	TAILQ_ENTRY(session) young;
};

/*
 * One that was just accepted, among those of its thread. Takes the descriptor
 * and its places in both gates. Its timer is for session_run.c to set up. NULL
 * where memory is out, and nothing was taken.
 */
MUST_CHECK struct session *session_new(struct session_thread *t,
    struct pool *pool, int client_fd, const union addr *client);

/* By the graveyard alone. */
void session_free(struct session *s);

/* One timer, set anew by each phase, and counted from this turn's begin. */
void session_wait(struct session *s, double seconds);

/* Registers an end with the thread's epoll set. Returns 0 or -errno. */
MUST_CHECK int session_watch(struct session *s, enum session_side side);

/* It has more to move than its turn allowed: another one will come. */
void session_be_busy(struct session *s);

/*
 * Closes that end. The other relay's copy of a socket keeps what hangs on the
 * open file, so nothing is left to the close of ours.
 */
void session_close(struct session *s, enum session_side side);

/* Gives its server back, if it has one, or its place in the queue. */
void session_leave_server(struct session *s);

/* The thread's counters of its server, and of its service. */
static inline struct counters *
session_server_counters(const struct session *s)
{
	return &s->thread->servers[s->pool->servers[s->info.server].slot];
}

static inline struct counters_service *
session_service_counters(const struct session *s)
{
	return &s->thread->services[s->pool->index];
}

/* The address that the client connected to. Returns 0 or -errno. */
MUST_CHECK int session_get_local(
    const struct session *s, union addr *ret_local);

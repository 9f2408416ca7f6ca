#pragma once

/*
 * A session is one connection: the client's socket and the server's. Accepted
 * by a worker, it gets a server (or waits for one), is connected to it, and
 * then two flows move the bytes; on the worker's thread for all its life.
 *
 * End-of-stream is in the flows, never inferred from the kernel's socket
 * states, and `info` describes the session wholly apart from descriptors and
 * buffers.
 */

#include "proxy/ending.h"
#include "proxy/flow.h"
#include "proxy/pool.h"

#include "core/addr.h"
#include "core/mono.h"

#include <ev.h>
#include <sys/queue.h>

struct counters;
struct counters_service;
struct worker;

/* `retries` goes up to 10: as many servers and the first. */
#define SESSION_TRIED_MAX 11

#define SESSION_NO_SERVER (-1)

enum session_side {
	SESSION_CLIENT,
	SESSION_SERVER,
};

enum session_phase {
	SESSION_LISTENING,  /* at_first_byte: until the client speaks */
	SESSION_QUEUED,     /* until a server has a place */
	SESSION_CONNECTING, /* to info.server */
	SESSION_PAUSING,    /* all were tried: a moment before they are again */
	SESSION_MOVING,
	SESSION_PARTING, /* the server has reset it: see parting.h */
	SESSION_ENDED,   /* in the graveyard */
};

struct session_info {
	union addr client;
	struct mono accepted, connected; /* connected: never, until it is */
	int server;                      /* index in the pool, or -1 */
	uint16_t source_port;            /* of our allocator, or 0 */
	unsigned attempts;
	uint32_t queued_ms;
	enum ending ending;
	int error; /* errno behind the ending, or 0 */
};

struct session {
	struct worker *worker; /* borrowed */
	struct pool *pool;     /* borrowed */
	enum session_phase phase;
	bool is_busy;
	bool is_fresh; /* acknowledgements may wait: in worker.fresh */
	bool is_young; /* in tap.young */
	bool is_told;  /* failover knows of it: see tap.h */
	bool kept;     /* upkeep.c has set its options towards the server */
	struct flow_end ends[2]; /* by side; epoll points at these */
	struct flow flows[2];    /* by the side they come from */
	struct session_info info;
	struct pool_waiter waiter;
	uint16_t tried[SESSION_TRIED_MAX];
	uint16_t n_tried;
	ev_timer timer;     /* of the phase; while moving: of idleness */
	struct mono active; /* when bytes last moved */
	uint64_t parting_delivered; /* to the client, when last looked at */
	LIST_ENTRY(session) all;
	TAILQ_ENTRY(session) busy;
	TAILQ_ENTRY(session) fresh;
	TAILQ_ENTRY(session) young;
	SLIST_ENTRY(session) buried;
};

/*
 * A connection that was just accepted; its places in both gates are the
 * session's from here. The descriptor too, whatever happens.
 */
void session_start(struct worker *w, struct pool *pool, int client_fd,
    const union addr *client);

/* What epoll says of one of its ends. */
void session_on_event(struct flow_end *end, uint32_t events);

/* Its turn has come again. */
void session_run(struct session *s);

/* By attempt.c: the server has accepted, its end of `ends` is ready. */
void session_connected(struct session *s);

/*
 * Moves what can be moved from one side to the other, and counts it. For
 * parting.c, as is its turn in the queue of the busy.
 */
MUST_CHECK enum flow_result session_pump(
    struct session *s, enum session_side from);
void session_be_busy(struct session *s);

/* One timer, set anew by each phase. */
void session_wait(struct session *s, double seconds);

/* Registers an end with the worker's epoll set. Returns 0 or -errno. */
MUST_CHECK int session_watch(struct session *s, enum session_side side);

/* The worker's counters of its server, and of its service. */
struct counters *session_server_counters(const struct session *s);
struct counters_service *session_service_counters(const struct session *s);

/* Ends it where its server was cut, or sends it to another if it can. */
void session_cut(struct session *s);

/* Resets both sides and leaves the session to the graveyard. */
void session_reset(struct session *s, enum ending ending, int error);

/* The address that the client connected to. False: the kernel can't say. */
MUST_CHECK bool session_get_local(
    const struct session *s, union addr *ret_local);

/* By the graveyard alone. */
void session_free(struct session *s);

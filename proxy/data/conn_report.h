#pragma once

/*
 * What one worker tells failover of its connections, so that the peer knows
 * whom it would have to tell of a takeover. Those at a virtual IP, or that
 * reach their server from one.
 *
 * A client is told of as soon as it was accepted, whatever it waits for, for
 * from then on only the peer can tell it of a takeover: within a millisecond,
 * in batches; one that is over by then costs two pointers. Embedded in struct
 * worker, on its thread.
 */

#include "proxy/data/end_reason.h"

#include "core/base.h"
#include "core/mono.h"
#include "proxy/data/timers.h"

#include <sys/queue.h>

union addr;
struct conn_feed;
struct conn_feed_chunk;
struct session;
struct session_thread;

struct conn_report {
	struct session_thread *thread; /* borrowed: the worker's */
	struct conn_feed *conn_feed;   /* borrowed: services'; NULL: no pair */
	unsigned epoch; /* of conn_feed, when all was last told */
	struct conn_feed_chunk *chunk; /* being filled, or NULL */
	TAILQ_HEAD(, session) young;   /* not told of yet */
	struct timers_timer tick;
	bool is_soon; /* the tick is for the young */
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int conn_report_init(struct conn_report *t,
    struct session_thread *thread, struct conn_feed *conn_feed);
void conn_report_fini(struct conn_report *t);

/* The session has begun; on the thread that serves it. */
void conn_report_accepted(struct conn_report *t, struct session *s);

/* It has a server now, which may have to be told as well. */
void conn_report_connected(struct conn_report *t, struct session *s);

/*
 * It ends; its sockets are still open. One that nobody was told of, and whose
 * address has left, is told of now, for only the peer can still reset it.
 */
void conn_report_ended(
    struct conn_report *t, struct session *s, enum end_reason reason);

/* A client that was never accepted, at an address that has left. */
void conn_report_left(struct conn_report *t, const union addr *client,
    const union addr *local, struct mono now);

/*
 * It is given to another relay, or has come from there: nobody is told of that,
 * since for them it is the same. `is_told` says whether failover knows of it;
 * else that follows, here again or there.
 */
void conn_report_given(struct conn_report *t, struct session *s);
void conn_report_taken(struct conn_report *t, struct session *s);

/* Tells all anew, where conn_feed wants that. */
void conn_report_look(struct conn_report *t);

#pragma once

/*
 * The tap: what one worker tells failover of its connections, so that the peer
 * knows whom it would have to tell of a takeover. Those at a virtual IP, or
 * that reach their server from one.
 *
 * A connection is told of once it has lasted a moment, in batches; one that is
 * over by then costs two pointers. Embedded in struct worker, on its thread.
 */

#include "proxy/data/end_reason.h"

#include "core/base.h"

#include <ev.h>
#include <sys/queue.h>

struct feed;
struct feed_chunk;
struct session;
struct session_thread;

struct tap {
	struct session_thread *thread; /* borrowed: the worker's */
	struct feed *feed;           /* borrowed: the roster's; NULL: no pair */
	unsigned epoch;              /* of the feed, when all was last told */
	struct feed_chunk *chunk;    /* being filled, or NULL */
	TAILQ_HEAD(, session) young; /* the oldest first */
	ev_timer tick;
};

void tap_init(struct tap *t, struct session_thread *thread, struct feed *feed);
void tap_fini(struct tap *t);

/* The session has a server now. */
void tap_connected(struct tap *t, struct session *s);

/* It ends; its sockets are still open. */
void tap_ended(struct tap *t, struct session *s, enum ending ending);

/* Tells all anew, where the feed wants that. */
void tap_look(struct tap *t);

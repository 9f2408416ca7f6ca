#pragma once

/*
 * Accepts from the listening sockets of one worker, as long as their services
 * are open and both limits, the service's and the node's, have a place. Part of
 * struct worker, on its thread.
 */

#include "core/limiter.h"
#include "proxy/data/timers.h"

#include <sys/queue.h>

struct acceptor;
struct config_group;
struct pool;
struct session_thread;

struct acceptor_set {
	struct session_thread *thread; /* borrowed: its worker's */
	SLIST_HEAD(, acceptor) all;
	bool paused;    /* for want of descriptors */
	bool closed;    /* for good */
	bool resetting; /* ordered, and not done yet */
	const struct config_group
	    *groups; /* borrowed: the pair's, if ordered */
	struct timers_timer unpause;
	struct limiter pauses, denials; /* of their log lines */
};

/* From zeroes. Returns 0 or -ENOMEM. */
MUST_CHECK int acceptor_init(
    struct acceptor_set *set, struct session_thread *t);
void acceptor_fini(struct acceptor_set *set);

/*
 * Accepts nobody any more, and has no socket. By who is `closed` since a turn
 * at least, so that none of them is about to be told of anything.
 */
void acceptor_close_all(struct acceptor_set *set);

/* Takes the descriptor. Returns 0 or -ENOMEM. */
MUST_CHECK int acceptor_add(
    struct acceptor_set *set, struct pool *pool, int *fd);

/* Looks at the limits anew: who was turned away by them may come in now. */
void acceptor_look(struct acceptor_set *set);

/*
 * Addresses of these groups (a bit each) leave: who waits in a backlog for one
 * of them is to be reset. Who waits for another one of a socket that listens
 * everywhere is let in; where there is no place for him the rest stays in the
 * backlog, and is sorted as it comes out.
 */
void acceptor_reset_order(struct acceptor_set *set,
    const struct config_group *groups, unsigned which);

/*
 * A turn of it, a few hundred of them. True: nothing is left to do; false:
 * there is more, come again.
 */
MUST_CHECK bool acceptor_reset_turn(struct acceptor_set *set);

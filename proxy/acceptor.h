#pragma once

/*
 * Accepts from one listening socket of one worker, as long as the service is
 * open and both gates, the service's and the node's, have a place.
 */

#include "core/base.h"

#include <ev.h>
#include <sys/queue.h>

struct config_group;
struct pool;
struct worker;

struct acceptor {
	struct worker *worker; /* borrowed */
	struct pool *pool;     /* borrowed */
	int fd;
	bool full; /* a gate turned us away; the next wake-up looks again */
	ev_io ready;
	SLIST_ENTRY(acceptor) all;
};

/* Takes the descriptor. NULL where memory is out. */
MUST_CHECK struct acceptor *acceptor_new(
    struct worker *w, struct pool *pool, int *fd);
void acceptor_free(struct acceptor *a);

/*
 * Resets who waits in the backlog, where the socket's own address is one of
 * the group's.
 */
void acceptor_reset_waiting(
    struct acceptor *a, const struct config_group *group);

/* Looks at the gates anew, and watches the socket or not: the only place. */
void acceptor_watch(struct acceptor *a);

#pragma once

/*
 * Leaving like a guest: FIN, then wait for the server's own, since a reset
 * fills the logs of many a server. For connections of checks, on the main
 * thread; whoever is done with one gives it away here. Bounded in time and
 * number: a server that keeps its side open is not waited for long.
 */

#include <ev.h>
#include <sys/queue.h>

struct graceful_close_guest;
TAILQ_HEAD(farewell_guests, graceful_close_guest);

struct graceful_close {
	struct ev_loop *loop;                /* borrowed */
	struct farewell_guests guests, gone; /* gone: freed by the next */
	unsigned n, max; /* the oldest leave earlier when there are more */
};

void graceful_close_init(
    struct graceful_close *f, struct ev_loop *loop, unsigned max);
void graceful_close_fini(struct graceful_close *f);

/* Takes the descriptor. */
void graceful_close_take(struct graceful_close *f, int *fd);

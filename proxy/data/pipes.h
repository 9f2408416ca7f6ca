#pragma once

/*
 * Pipes for splice(2), pooled: a flow has one only while bytes are in it. One
 * pool per worker, its thread's alone. Bounded; where there is none to be had
 * the flow copies.
 *
 * A pipe that still holds bytes never goes back to the pool: they would turn
 * up in a stranger's connection.
 *
 * Those whose bytes wait for a destination are known, the longest waiting
 * first: where there is no other, a flow takes that one's bytes out, and its
 * pipe.
 */

#include "core/mono.h"

#include <sys/queue.h>

struct flow;

/* In use and spare, for a worker at most: 2 descriptors each. */
#define PIPES_MAX 64

struct pipes_pipe {
	int in, out;  /* written to, read from */
	size_t size;  /* bytes the kernel gives it room for */
	size_t bytes; /* in it now */
	/* While they wait: whose they are, how many, and since when. */
	struct flow *flow;
	size_t waiting;
	struct mono since;
	SLIST_ENTRY(pipes_pipe) spare;
	TAILQ_ENTRY(pipes_pipe) wait;
};

struct pipes {
	unsigned limit;   /* up to PIPES_MAX; 0: always copy */
	unsigned n;       /* made and not destroyed */
	unsigned refused; /* tries left out after the kernel refused one */
	SLIST_HEAD(, pipes_pipe) spare;
	TAILQ_HEAD(, pipes_pipe) waiting; /* the longest first */
};

void pipes_init(struct pipes *p, unsigned limit);
void pipes_fini(struct pipes *p); /* the spare ones */

/* An empty pipe, or NULL. */
MUST_CHECK struct pipes_pipe *pipes_take(struct pipes *p);

/* The flow's turn is over, and there are bytes in it. */
void pipes_wait(struct pipes *p, struct pipes_pipe *pipe, struct flow *flow);

/* The one whose bytes have waited longest, and for a while; or NULL. */
struct pipes_pipe *pipes_longest_waiting(const struct pipes *p);

/* Back to the pool, or destroyed where it is not empty. */
void pipes_give(struct pipes *p, struct pipes_pipe *pipe);

#pragma once

/*
 * Pipes for splice(2), pooled: a flow has one only while bytes are in it. One
 * pool per worker, its thread's alone. Bounded; where there is none to be had
 * the flow copies.
 *
 * A pipe that still holds bytes never goes back to the pool: they would turn
 * up in a stranger's connection.
 */

#include "core/base.h"

#include <sys/queue.h>

/* In use and spare, for a worker at most: 2 descriptors each. */
#define PIPES_MAX 64

struct pipes_pipe {
	int in, out;  /* written to, read from */
	size_t size;  /* bytes the kernel gives it room for */
	size_t bytes; /* in it now */
	SLIST_ENTRY(pipes_pipe) spare;
};

struct pipes {
	unsigned limit;   /* up to PIPES_MAX; 0: always copy */
	unsigned n;       /* made and not destroyed */
	unsigned refused; /* tries left out after the kernel refused one */
	SLIST_HEAD(, pipes_pipe) spare;
};

void pipes_init(struct pipes *p, unsigned limit);
void pipes_fini(struct pipes *p); /* the spare ones */

/* An empty pipe, or NULL. */
MUST_CHECK struct pipes_pipe *pipes_take(struct pipes *p);

/* Back to the pool, or destroyed where it is not empty. */
void pipes_give(struct pipes *p, struct pipes_pipe *pipe);

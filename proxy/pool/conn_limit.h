#pragma once

/*
 * Counts connections against a limit, for all workers together. A place is
 * taken before accept() and given back when the connection has ended, so a
 * limit is never overrun and a client over it waits in the kernel's backlog.
 *
 * Any thread. Who was turned away has asked to be told: the next that leaves
 * says so, and its caller wakes the workers.
 */

#include "core/base.h"

#include <stdatomic.h>

struct conn_limit {
	atomic_uint inside;
	atomic_bool wanted; /* somebody was turned away and waits */
	uint32_t limit;     /* 0: none; constant */
};

void conn_limit_init(struct conn_limit *g, uint32_t limit);

/* Takes a place. False: full, and the caller will be woken. */
MUST_CHECK bool conn_limit_enter(struct conn_limit *g);

/* One that was let in before, wherever that was: over the limit, too. */
void conn_limit_join(struct conn_limit *g);

/* Gives it back. True: somebody waits, wake the workers. */
MUST_CHECK bool conn_limit_leave(struct conn_limit *g);

/* So many at once, of connections that are elsewhere and may come. */
void conn_limit_reserve(struct conn_limit *g, unsigned n);
MUST_CHECK bool conn_limit_release(struct conn_limit *g, unsigned n);

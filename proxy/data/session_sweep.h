#pragma once

/*
 * Goes through all sessions of a thread and ends those that an order is about:
 * the cut of a server, the leaving of an address, the end of what the file does
 * not have any more, the end of the node. A few hundred a turn, since each
 * reset takes the kernel 30 microseconds, and others have something to move
 * meanwhile.
 *
 * New sessions are put first in the list, where a pass that has begun does not
 * see them. So a sweep is over when a pass has seen all that were begun since
 * the one before, within one turn, and none of them was on its way to another
 * process: for a moment nobody may touch that one, and it may come back.
 */

#include "core/mono.h"

struct config_pair;
struct session_thread;

/* What is to be ended; orders that come meanwhile are added. */
struct session_sweep {
	bool cut;        /* whose server shall have nobody any more */
	bool all;        /* the node is being stopped */
	bool gone;       /* whose server or service is in the file no more */
	unsigned groups; /* a bit each: whose addresses leave */
	bool under_way;
	bool missed;       /* one that is on its way to another process */
	struct mono begun; /* this pass */
	struct mono since; /* it is about sessions that came since then */
};

struct session_sweep_orders {
	bool cut, all, gone;
	unsigned groups;
};

/* Adds orders; there may be none. From the first session again. */
void session_sweep_order(
    struct session_sweep *w, const struct session_sweep_orders *orders);

/* There are orders. */
static inline bool
session_sweep_is_ordered(const struct session_sweep *w)
{
	return w->cut || w->all || w->gone || w->groups != 0;
}

/*
 * A turn of it. True: nothing is left to do; the orders stand until the caller
 * clears them. False: there is more, come again.
 */
MUST_CHECK bool session_sweep_turn(struct session_sweep *w,
    struct session_thread *t, const struct config_pair *pair);

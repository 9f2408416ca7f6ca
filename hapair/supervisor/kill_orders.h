#pragma once

/*
 * What operators have asked relays to kill, and no relay has told of yet: its
 * word that it has done so counts for what was asked, and for nothing else. A
 * value, part of event_sync.h.
 */

#include "core/event.h"

/* A relay has 64 at most, and each request of a reload's leftovers is one. */
#define KILL_ORDERS_MAX 128

struct kill_orders {
	char asked[KILL_ORDERS_MAX][EVENT_WHAT_MAX]; /* "": none */
	unsigned next;
};

/*
 * "kill WHAT", or "lingering N kill WHAT", as it is passed on to a relay; other
 * requests are none. One too many takes the place of the oldest.
 */
void kill_orders_note(struct kill_orders *k, const char *request);

/* Whether this ("kill WHAT") was asked for; once for each time that it was. */
MUST_CHECK bool kill_orders_take(struct kill_orders *k, const char *order);

#pragma once

/*
 * Goes through all sessions of a thread once for an operator: writes down what
 * they are, or resets those that are meant. A few a turn, for less than a
 * millisecond, since others have something to move meanwhile.
 *
 * New sessions are put first in the list, where a tour that has begun does not
 * see them: it is about those that there are when it begins. One that is on
 * its way to another process is that one's already.
 *
 * A tour belongs to its thread; the order is another thread's, and shared by
 * the tours of all workers: see proxy/control/conn_query.h.
 */

#include "core/addr.h"
#include "core/base.h"

#include <stdatomic.h>
#include <sys/queue.h>

struct config_service;
struct session;
struct session_thread;

/* One session, with nothing in it that ends with it. */
struct session_tour_row {
	/* The configuration's; NULL: it has it no more, and no server. */
	const struct config_service *service;
	int server;    /* index there; -1: none yet */
	uint8_t phase; /* enum session_phase */
	bool splices;  /* else its bytes are copied */
	bool is_told;  /* failover knows of it */
	/* The kernel passes it on, and no thread of ours has a part in it. */
	bool in_kernel;
	const char *why; /* it ends with this node; NULL: it goes on */
	uint64_t id, in, out;
	int64_t age_ms, idle_ms;
	union addr client, local, source; /* family 0: there is none */
};

#define SESSION_TOUR_ROWS 32

struct session_tour_part {
	STAILQ_ENTRY(session_tour_part) link;
	unsigned n;
	struct session_tour_row rows[SESSION_TOUR_ROWS];
};

struct session_tour_order {
	bool kills; /* those that are meant are reset, else listed */
	/* Who is meant: all of these that are given. */
	const struct config_service *service; /* NULL: of any */
	int server;                           /* of the service; -1: any */
	uint64_t id;                          /* 0: any */
	/*
	 * By the thread. A part is the receiver's; NULL: memory is out. False:
	 * enough for now, the receiver will wake the thread.
	 */
	bool (*on_part)(void *arg, struct session_tour_part *part);
	void (*on_end)(void *arg, unsigned meant); /* the order may be gone */
	void *arg;
	atomic_bool cancelled; /* nobody wants the rest */
};

struct session_tour {
	struct session_tour_order *order; /* NULL: no tour is under way */
	unsigned meant;                   /* so far */
};

/* From the first session on. No other is under way. */
void session_tour_begin(struct session_tour *w, struct session_thread *t,
    struct session_tour_order *order);

/*
 * A turn of it. True: come again. False: it is over, or waits to be woken, and
 * a turn more does no harm.
 */
MUST_CHECK bool session_tour_turn(
    struct session_tour *w, struct session_thread *t);

#pragma once

/*
 * Lists of connections, written by a thread of its own. The workers tour their
 * sessions and leave rows behind (session_tour.h); the thread makes lines of
 * them, a part at a time with a rest after each, so that it is in nobody's way,
 * and gives them to whoever has asked, as far as he takes them. Each list has
 * tours of its own: who does not read is waited for by nobody else.
 *
 * Made and used by conn_query.c, on the relay's main thread.
 */

#include "core/base.h"

struct conn_writer;
struct kernel_query;
struct session_tour_order;
struct worker_shared;

/* How long a list may take, and how many there may be at once. */
struct conn_writer_limits {
	unsigned lists;
	unsigned idle_ms;  /* its reader takes nothing */
	unsigned whole_ms; /* from its begin to its end */
};

/*
 * Of workers that are there, and of the director, who has a tour as well; NULL
 * where memory is out. All borrowed.
 */
struct conn_writer *conn_writer_new(struct worker_shared *shared,
    struct kernel_query *kernel, const struct conn_writer_limits *limits);

/*
 * A list for who is at the other end of the socket, which is taken: of those
 * whom `who` means. `lingers`: a reload has left them here. Returns 0, or
 * -EBUSY where there are as many already, or -errno; the socket stays then.
 */
MUST_CHECK int conn_writer_begin(struct conn_writer *w,
    const struct session_tour_order *who, bool lingers, int *socket);

/* While the workers run: its thread ends. Takes NULL. */
void conn_writer_stop(struct conn_writer *w);

/* When they do not run any more: lists break off. Takes NULL. */
void conn_writer_free(struct conn_writer *w);

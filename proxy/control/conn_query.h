#pragma once

/*
 * What an operator asks about live connections: `connections` lists them,
 * `kill` closes some. The workers go through their sessions (session_tour.h), a
 * few a turn; what they list is written by a thread of its own
 * (conn_writer.h). Each request has tours of its own, so that nobody waits for
 * another one's reader, and a kill comes before any list.
 *
 * Connections that the kernel passes on are the director's, who is asked beside
 * the workers (kernel_query.h).
 *
 * Made and used by relay.c, on the main thread.
 */

#include "core/base.h"

struct conn_query;
struct kernel_query;
struct worker_shared;

/*
 * Of workers that are there. The supervisor, whose channel is borrowed, is told
 * of kills that were orders. NULL where memory is out. All borrowed.
 */
struct conn_query *conn_query_new(
    struct worker_shared *shared, int supervisor, struct kernel_query *kernel);

/* While the workers run: its thread ends. Takes NULL. */
void conn_query_stop(struct conn_query *q);

/* When they do not run any more: who still waits gets no answer. Takes NULL. */
void conn_query_free(struct conn_query *q);

/*
 * Takes the socket and true, where the line is "connections [SERVICE]" or "kill
 * ID|SERVICE/NAME", either behind "lingering" where a reload has left them.
 */
MUST_CHECK bool conn_query_obey(
    struct conn_query *q, const char *request, int *socket);

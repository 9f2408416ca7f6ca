#pragma once

/*
 * What an operator asks about live connections: `connections` lists them,
 * `kill` closes some. The workers go through their sessions (session_tour.h), a
 * few a turn; what they list is written by a thread of its own, line by line
 * and without haste, so that neither their clients nor the main thread wait for
 * it. Who does not read stops the workers' tour, not the workers, and is given
 * up after 5 s; who reads slowly after a minute, or 3 s where others wait. One
 * request after the other, but `kill` before lists.
 *
 * Connections that the kernel passes on are the director's, who is asked beside
 * the workers.
 *
 * Made and used by relay.c, on the main thread.
 */

#include "core/base.h"

struct conn_query;
struct config;
struct ev_loop;
struct kernel_query;
struct worker_shared;

/* Of workers that are there; NULL where memory is out. All borrowed. */
struct conn_query *conn_query_new(struct ev_loop *loop,
    struct worker_shared *shared, struct kernel_query *kernel);

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

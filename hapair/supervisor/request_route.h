#pragma once

/*
 * Where an operator's request is answered: here, by the part of the supervisor
 * that it is about, or by the role that is told of it.
 */

#include "core/base.h"

struct ev_loop;
struct event_sync;
struct file_share;
struct generation_change;
struct reload;
struct state_store;
struct upgrade;

/* All borrowed: the supervisor's. */
struct request_route {
	struct ev_loop *loop;
	struct generation_change *change;
	struct state_store *store;
	struct reload *reload;
	struct event_sync *events;
	struct file_share *files;
	struct upgrade *upgrade;
	bool is_running; /* else it is stopping */
};

/* All but `status`. Takes the socket, or leaves it to be closed. */
void request_route_take(
    const struct request_route *r, const char *request, int *socket);

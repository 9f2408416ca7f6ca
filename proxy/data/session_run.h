#pragma once

/*
 * Runs the sessions of a thread: begins them and brings each event to the phase
 * that they are in (session_connect.h, session_move.h).
 */

#include "core/base.h"

union addr;
struct flow_end;
struct pool;
struct session;
struct session_thread;

/*
 * A connection that was just accepted; its places in both limits are the
 * session's from here. The descriptor too, whatever happens.
 */
void session_run_start(struct session_thread *t, struct pool *pool,
    int client_fd, const union addr *client);

/* One that session_new() has just made is among those that run. */
void session_run_adopt(struct session *s);

/* What epoll says of one of its ends. */
void session_run_event(struct flow_end *end, uint32_t events);

/* Ends it where its server was cut, or sends it to another if it can. */
void session_run_cut(struct session *s);

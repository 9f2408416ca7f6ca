#pragma once

/*
 * Placement: which worker's thread serves a client. Any worker may have
 * accepted it; one with far fewer sessions gets it, in a gift that it unwraps
 * when woken: the kernel spreads by a hash, which serves few, heavy connections
 * badly.
 */

#include "core/base.h"

union addr;
struct pool;
struct session_thread;

/*
 * A client that this thread has accepted. Takes the descriptor and its places
 * in the limits.
 */
void placement_place(struct session_thread *t, struct pool *pool, int client_fd,
    const union addr *client);

/* Clients that other threads have accepted for this one. */
void placement_unwrap(struct session_thread *t);

/* The thread has ended: those that came too late for it. */
void placement_drop(struct session_thread *t);

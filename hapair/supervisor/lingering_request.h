#pragma once

/*
 * What an operator asks about connections that a reload has left with a relay
 * before (generation_change.h): "lingering" tells how many such relays there
 * are; "lingering N REQUEST", N from 0, is for the N-th of them, where REQUEST
 * is `connections` or `kill` with what is behind it.
 */

#include "core/base.h"

struct ev_loop;
struct generation_change;

/* Takes the socket, or leaves it to be closed. */
void lingering_request_obey(struct ev_loop *loop,
    const struct generation_change *change, const char *request, int *socket);

#pragma once

/*
 * What this node has of a group's connections while the peer serves it, and no
 * director of the peer tells of any: an older version, another file, a stream
 * that is cut for good. They ended long ago, or end with the peer, and would
 * take up slots for ever. After ten minutes of that they are forgotten; a
 * shorter cut of the stream costs nothing.
 */

#include "core/mono.h"

#include <ev.h>

struct director_role;

#define DIRECTOR_GHOSTS_MS 600000

/* Since when it has been so, in `since` (void: it has not): long enough? */
bool director_ghosts_are_due(struct mono *since, bool doubt, struct mono now);

int director_ghosts_new(struct director_role *role);
void director_ghosts_begin(struct director_role *role);
void director_ghosts_free(struct director_role *role);

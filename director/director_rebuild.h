#pragma once

/*
 * What a process before this one has left in the kernel's maps: connections are
 * taken over as they are (director_found.h), entries that belong to none are
 * taken out, and those that are missing written anew.
 */

#include "core/base.h"

struct director_role;

/* The program's tables are kept at the directory of the pins, in the place of
 * what was there and does not fit. Returns 0 or -errno. */
MUST_CHECK int director_rebuild_keep(
    struct director_role *role, const char *pins);

/* Before the node's first event. Returns 0 or -errno. */
MUST_CHECK int director_rebuild(struct director_role *role);

/* `drain_timeout` is over: what was found and is not in the file ends. */
void director_rebuild_drain(struct director_role *role);

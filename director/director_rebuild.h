#pragma once

/*
 * What a process before this one has left in the kernel's maps: connections are
 * taken over as they are (director_found.h), entries that belong to none are
 * taken out, and those that are missing written anew.
 */

#include "core/base.h"

struct director_role;

/* Before the node's first event. Returns 0 or -errno. */
MUST_CHECK int director_rebuild(struct director_role *role);

/* `drain_timeout` is over: what was found and is not in the file ends. */
void director_rebuild_drain(struct director_role *role);

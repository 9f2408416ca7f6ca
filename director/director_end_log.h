#pragma once

/*
 * The log line of a connection that the kernel passed on, written when it ends
 * and its slot still holds what was counted. As the relay's (conn_log.h), with
 * the path.
 */

#include "director/director_node.h"

struct director_role;

void director_end_log(
    const struct director_role *role, uint32_t slot, enum end_reason reason);

#pragma once

/*
 * Pools of ports, one for each source address and server: made when a server's
 * address is known, which may be long after the start, and kept, for
 * connections may have ports of it.
 */

#include "core/base.h"
#include "director/conn_tuple.h"
#include "director/server_choice.h"

#define DIRECTOR_POOLS_NONE SERVER_CHOICE_NO_POOL

struct director_role;
struct director_pools;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_pools_new(struct director_role *role);
void director_pools_free(struct director_role *role);

/* Its number among the node's; NONE where there is no room for another one. */
uint16_t director_pools_of(struct director_role *role,
    const uint8_t source[static CONN_TUPLE_IP],
    const uint8_t server[static CONN_TUPLE_IP], uint16_t port);

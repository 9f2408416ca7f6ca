#pragma once

/*
 * How many connections each client of a service has, by its address, against
 * `max_connections_per_client`. Clients without a connection cost nothing, so
 * the table is as large as what the node may hold at all.
 *
 * Any thread. One per pool that has such a limit.
 */

#include "core/base.h"

struct client_limit;
union addr;

/* NULL where memory is out. */
MUST_CHECK struct client_limit *client_limit_new(uint32_t limit);
void client_limit_free(struct client_limit *l); /* takes NULL */

/*
 * One more connection of this client. False: it has as many as it may have, or
 * memory is out.
 */
MUST_CHECK bool client_limit_enter(
    struct client_limit *l, const union addr *client);
/* The same of one that was let in before: false where memory is out. */
MUST_CHECK bool client_limit_join(
    struct client_limit *l, const union addr *client);
void client_limit_leave(struct client_limit *l, const union addr *client);

/* Clients that have connections now. */
size_t client_limit_count(struct client_limit *l);

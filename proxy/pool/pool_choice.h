#pragma once

/*
 * Pool choice: whether a client can have a server now, at which tier, and what
 * it waits for where it can have none. A tier is who serves while all before it
 * are down or have just failed this client: the servers that are no backups,
 * then the backups. Which server of the tier is balance.h's.
 *
 * Pure.
 */

#include "core/base.h"

/* How a server stands, for one client. */
struct pool_choice_server {
	bool usable; /* takes new connections */
	bool tried;  /* this client has tried it in vain */
	bool full;   /* usable, but for its limit */
	unsigned tier;
};

enum pool_choice {
	POOL_CHOICE_SERVER, /* one of the tier */
	POOL_CHOICE_PLACE,  /* those of the tier are full: until one has room */
	POOL_CHOICE_ROUND,  /* each that is usable was tried: a while */
	POOL_CHOICE_UP,     /* none is usable: until one is */
};

/* Of `n` servers; the tier is void with the last two. */
MUST_CHECK enum pool_choice pool_choice_look(
    const struct pool_choice_server *servers, size_t n, unsigned *ret_tier);

/* Whether it is one of those that the client may have at once. */
bool pool_choice_has(const struct pool_choice_server *s, unsigned tier);

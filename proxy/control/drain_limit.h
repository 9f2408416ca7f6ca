#pragma once

/*
 * For how long the connections of a server that an operator drains may go on:
 * `drain_timeout`, from his word on, or from when a relay that begins was told
 * of it. The relay before this one says how long that has been.
 *
 * On the relay's main thread; part of server_admin.h.
 */

#include "core/base.h"

#include <ev.h>

struct pool;
struct pool_server;
struct services;

struct drain_limit {
	struct services *services; /* borrowed */
	struct ev_loop *loop;      /* likewise */
	uint32_t drain_ms;         /* 0: no limit */
	ev_timer look;             /* while a server drains that has a limit */
};

void drain_limit_init(struct drain_limit *l, struct services *services,
    struct ev_loop *loop, uint32_t drain_ms);
void drain_limit_fini(struct drain_limit *l); /* takes zeros */

/* What an operator wants of this server may be another thing by now. */
void drain_limit_look(
    struct drain_limit *l, struct pool *pool, struct pool_server *server);

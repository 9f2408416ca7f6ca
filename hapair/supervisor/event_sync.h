#pragma once

/*
 * Between the events of this node, its roles and the peer: the relay says what
 * it has seen of servers, failover brings the peer's and takes ours, a packet
 * at a time, after all that both nodes agree on, and not often: nobody waits
 * for them. Owned by supervisor.c.
 */

#include "hapair/supervisor/event_log.h"
#include "hapair/supervisor/kill_orders.h"

#include <ev.h>

struct channel_packet;
struct config;
struct state_store;

struct event_sync {
	struct event_log log;
	struct state_store *store; /* borrowed: whom the peer is told through */
	ev_timer pay;
	struct kill_orders kills; /* that a relay may tell of */
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int event_sync_init(struct event_sync *s, struct ev_loop *loop,
    const char *directory, struct state_store *store);
void event_sync_fini(struct event_sync *s); /* takes zeros */

/* One of this node, now. */
void event_sync_add(struct event_sync *s, enum event_kind kind,
    const char *subject, const char *what, const char *reason);

/* Another wire: the peer is told all. Takes NULL. */
void event_sync_meet_peer(struct event_sync *s);

/* The peer may be told some. Takes NULL. */
void event_sync_look(struct event_sync *s);

/*
 * EVENT, of the relay that runs with this configuration, or EVENTS, of
 * failover. Returns 0 or -EBADMSG.
 */
MUST_CHECK int event_sync_take(struct event_sync *s,
    const struct config *config, const struct channel_packet *p);

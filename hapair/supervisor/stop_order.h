#pragma once

/*
 * A stop goes through these in order. The peer is asked to take the groups, so
 * that nobody who connects finds nobody. What it does not take goes the short
 * way: new clients are muted, so that they ask the peer; connections are reset
 * while the address can still say so; then the address goes, and then the
 * director, which has been told so by failover. Each step has its
 * patience: what hangs is killed. Last comes what the operator's program
 * has yet to be told. Owned by supervisor.c.
 */

#include "core/base.h"

#include <ev.h>

struct generation;
struct notify;

enum stop_order_stage {
	STOP_ORDER_RUNNING,  /* nobody has said stop */
	STOP_ORDER_HANDOVER, /* HAND_OVER_ALL was sent to failover */
	STOP_ORDER_RELAY,    /* STOP was sent to the relay */
	STOP_ORDER_FAILOVER, /* STOP was sent to failover */
	STOP_ORDER_NOTIFY,   /* both have ended, notify has not */
	STOP_ORDER_ENDED,
};

struct stop_order {
	enum stop_order_stage stage;
	struct ev_loop *loop;  /* broken at the end */
	struct generation *g;  /* borrowed: what ends */
	struct notify *notify; /* borrowed */
	ev_timer patience;
};

void stop_order_init(struct stop_order *o, struct notify *notify);

/* Its roles are not started again from here on. */
void stop_order_begin(struct stop_order *o, struct generation *g);

/* What has come about meanwhile; nothing where it was not waited for. */
void stop_order_note_handed_over(struct stop_order *o);
void stop_order_note_relay_stopped(struct stop_order *o);
void stop_order_note_notified(struct stop_order *o);
void stop_order_note_end(struct stop_order *o, bool of_failover);
void stop_order_note_director_end(struct stop_order *o);

/* New clients have an answer from us, but for groups that are muted. */
bool stop_order_answers(const struct stop_order *o);

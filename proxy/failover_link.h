#pragma once

/*
 * Failover, as the relay sees it, and the director: a channel that the
 * supervisor brings, and brings anew whenever it is lost: it has ended, the
 * other does not read, or it sent what it may not. Then the supervisor is told,
 * and the owner tells everything again over the next one.
 *
 * On the relay's main thread; embedded in struct relay.
 */

#include "core/mono.h"
#include "core/msg_intake.h"

#include <ev.h>

struct buf;

struct failover_link_calls {
	enum msg_rights_party from;                /* who is at the other end */
	const char *name;                          /* of that, for the log */
	enum msg_rights_stage (*stage)(void *arg); /* of this relay */
	/* Returns 0 or -EBADMSG. */
	int (*on_packet)(void *arg, const struct channel_packet *p);
	void (*on_lost)(void *arg);
};

struct failover_link {
	struct ev_loop *loop;
	const struct failover_link_calls *calls;
	void *arg;
	int channel;    /* -1: none */
	int supervisor; /* borrowed: the relay's channel to it */
	uint32_t id;    /* of the introduction */
	struct closer *closer;
	struct msg_intake intake;
	struct mono lost_at;  /* 0: it is there, or never was */
	struct msg_lost lost; /* what the supervisor is to be told */
	ev_io ready;
	ev_timer again; /* it did not take that */
};

void failover_link_init(struct failover_link *l, struct ev_loop *loop,
    int supervisor, const struct failover_link_calls *calls, void *arg);
void failover_link_close(struct failover_link *l);

/*
 * SIBLING, DIRECTOR_CHANNEL: the channel in it takes the place of another. 0 or
 * -EBADMSG.
 */
MUST_CHECK int failover_link_take(
    struct failover_link *l, struct channel_packet *p);

/* What cannot be sent is lost, and so is the channel. Without one: nothing. */
void failover_link_send(
    struct failover_link *l, enum msg_type type, const struct buf *body);

/* The same, of what can be said later: false where the other reads too slowly.
 */
MUST_CHECK bool failover_link_offer(
    struct failover_link *l, enum msg_type type, const struct buf *body);

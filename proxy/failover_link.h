#pragma once

/*
 * Failover, as the relay sees it, and the director: a channel of
 * sibling_channel.h, since when there is none, and what cannot be sent.
 *
 * On the relay's main thread; embedded in struct relay.
 */

#include "core/mono.h"
#include "core/sibling_channel.h"

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
	const struct failover_link_calls *calls;
	void *arg;
	struct sibling_channel channel;
	struct mono lost_at; /* 0: it is there, or never was */
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

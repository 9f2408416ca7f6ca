#pragma once

/*
 * Two roles talk over a channel that the supervisor gives to both, and after
 * each loss of it gives anew: when one of them has been started, and when one
 * says that the other is lost, each time with another number.
 *
 * One of the two can be spared: of failover and the relay the relay, for
 * strangers talk to it, and failover holds the addresses; the director of any,
 * since no connection hangs on its process. The other's word that it has sent
 * what it may not ends the spare. Its own word ends nobody. Where they lose
 * each other again and again the spare is restarted, too: that moves no
 * address, and it gets the pauses of a child that keeps ending.
 */

#include "core/base.h"
#include "core/mono.h"
#include "hapair/supervisor/child.h"

struct role_channel {
	struct ev_loop *loop;
	struct child *other, *spare; /* borrowed */
	uint32_t id;                 /* of the last */
	bool lost;                   /* it does not do any more */
	struct mono made;
	unsigned row; /* losses, each soon after the one before */
	ev_timer again;
};

void role_channel_init(struct role_channel *i, struct ev_loop *loop,
    struct child *other, struct child *spare);
void role_channel_stop(struct role_channel *i); /* takes zeros */

/* One of them has been started; where the other does not run it will be. */
void role_channel_make(struct role_channel *i);

/*
 * SIBLING_LOST of any role. Returns 1 where it was about this channel, 0 where
 * it was not, or -EBADMSG.
 */
MUST_CHECK int role_channel_take_lost(struct role_channel *i,
    const struct child *who, const struct channel_packet *p);

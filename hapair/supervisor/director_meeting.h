#pragma once

/*
 * The director talks with failover and with the relay over a channel each,
 * which the supervisor gives to both ends, and gives anew after each loss, with
 * another number. Where two keep losing each other it is the director that is
 * restarted: no connection and no address hangs on its process.
 */

#include "core/base.h"
#include "core/mono.h"
#include "hapair/supervisor/child.h"

struct director_meeting {
	struct ev_loop *loop;
	struct child *director, *other; /* borrowed */
	enum msg_type type;             /* that the director gets its end by */
	uint32_t id;                    /* of the last */
	bool lost;                      /* it does not do any more */
	struct mono made;
	unsigned row; /* losses, each soon after the one before */
	ev_timer again;
};

/* `other` is failover or the relay. */
void director_meeting_init(struct director_meeting *i, struct ev_loop *loop,
    struct child *director, struct child *other);
void director_meeting_stop(struct director_meeting *i); /* takes zeros */

/* One of them has been started; where the other does not run it will be. */
void director_meeting_make(struct director_meeting *i);

/*
 * SIBLING_LOST of any role. Returns 1 where it was about this channel, 0 where
 * it was not, or -EBADMSG.
 */
MUST_CHECK int director_meeting_take_lost(struct director_meeting *i,
    const struct child *who, const struct channel_packet *p);

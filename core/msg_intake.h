#pragma once

/*
 * The reading end of a channel: takes packets that the table of rights allows
 * (msg_rights.h) and refuses the first that it does not. No descriptor is
 * closed where that could sleep.
 *
 * A reader is not at its writer's mercy: it takes a few packets a turn, and the
 * rest in the next, when signals, timers and other channels have had theirs.
 */

#include "core/channel.h"
#include "core/msg_rights.h"

struct closer;

struct msg_intake {
	enum msg_rights_party from, to;
	struct closer
	    *closer; /* borrowed; NULL: closes here, of the supervisor */
	struct msg_rights_meter meter;
	/* Of the last one, where it was refused. */
	uint16_t type;
	enum msg_rights_fault fault;
};

/* A new channel. */
struct msg_intake msg_intake_init(enum msg_rights_party from,
    enum msg_rights_party to, struct closer *closer);

/*
 * Returns 1 with a packet, after which comes msg_intake_end(); or 0 and -errno
 * as channel_recv(): -EBADMSG for one that is refused.
 */
MUST_CHECK int msg_intake_take(struct msg_intake *in, int channel,
    enum msg_rights_stage stage, struct channel_packet *ret_packet);

/*
 * It has been obeyed: what is left of it is closed. `e` is how it went, and
 * comes back: -EBADMSG where it made no sense.
 */
MUST_CHECK int msg_intake_end(
    struct msg_intake *in, struct channel_packet *p, int e);

/* "GROUP: it is not its to send", of the one that was refused. */
#define MSG_INTAKE_TEXT_MAX 96
const char *msg_intake_text(
    const struct msg_intake *in, char text[static MSG_INTAKE_TEXT_MAX]);

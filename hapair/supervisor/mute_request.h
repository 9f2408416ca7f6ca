#pragma once

/*
 * Failover hands a group over: new clients shall find the peer, not us. It asks
 * for the group's addresses to be muted on our listeners, or to answer again,
 * and is told what has come about.
 */

#include "core/base.h"

struct channel_packet;
struct generation;

/* MUTE. `obeyed` false: it is answered with how things are. 0 or -EBADMSG. */
MUST_CHECK int mute_request_take(
    struct generation *g, const struct channel_packet *p, bool obeyed);

/* A failure is logged. */
/* Of all groups: nobody asks for it any more. */
void mute_request_end(struct generation *g);

void mute_request_do(struct generation *g, unsigned group, bool muted);

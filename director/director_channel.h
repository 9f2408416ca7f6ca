#pragma once

/*
 * A channel to another role (sibling_channel.h): read a packet a turn, and only
 * once the maps are ours. Embedded in whoever talks there.
 */

#include "core/sibling_channel.h"

struct buf;
struct director_role;

struct director_channel {
	struct director_role *role; /* borrowed */
	/* Returns 0 or -EBADMSG. */
	int (*obey)(struct director_role *role, const struct channel_packet *p);
	/* After each packet, and now and then; may be NULL. */
	void (*on_turn)(struct director_role *role);
	/* Another one is there; may be NULL. */
	void (*on_new)(struct director_role *role);
	struct sibling_channel channel;
	bool begun;
	ev_timer again;
};

void director_channel_init(struct director_channel *c,
    struct director_role *role, enum msg_rights_party from,
    int (*obey_packet)(
        struct director_role *role, const struct channel_packet *p));
void director_channel_close(struct director_channel *c);

/* Takes the packet's descriptor. Returns 0 or -EBADMSG. */
MUST_CHECK int director_channel_take(
    struct director_channel *c, struct channel_packet *p);

void director_channel_begin(struct director_channel *c);

/* False: there is none, or its reader is behind. */
MUST_CHECK bool director_channel_send(
    struct director_channel *c, enum msg_type type, const struct buf *b);

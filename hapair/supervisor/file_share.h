#pragma once

/*
 * One configuration file for both nodes: `hapair reload --both` here, or on the
 * peer. Owned by supervisor.c.
 */

#include "hapair/supervisor/file_push.h"
#include "hapair/supervisor/file_receive.h"

struct channel_packet;

struct file_share {
	struct file_push push;       /* an operator asked here */
	struct file_receive receive; /* one asked at the peer */
};

void file_share_init(struct file_share *s, struct reload *reload);
void file_share_fini(struct file_share *s); /* takes zeros */

/* An operator's request: takes the socket. */
void file_share_obey(struct file_share *s, int *socket);

/*
 * PEER_FILE or FILE_UNSENT, of failover. `running`: this node is not stopping.
 * Returns 0; -EBADMSG where there is no peer that could have said it.
 */
MUST_CHECK int file_share_take(
    struct file_share *s, const struct channel_packet *p, bool running);

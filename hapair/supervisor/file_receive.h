#pragma once

/*
 * The peer's file for this node (file_receive_step.h): put together, opened
 * with the pair's key, checked as for a reload and by what a peer may bring
 * (config/local_paths.h), and taken (file_take.h). Nothing of it is looked at
 * unless pair.accept_file is true. Part of file_share.h.
 */

#include "core/limiter.h"
#include "hapair/supervisor/file_receive_step.h"
#include "hapair/supervisor/file_take.h"

#include <ev.h>

struct reload;

struct file_receive {
	struct reload *reload; /* borrowed: what takes it here */
	struct file_receive_step step;
	uint8_t *sealed; /* of `total` bytes */
	struct file_take take;
	uint8_t running[CONFIG_HASH_BYTES]; /* what it was compared with */
	char *text;                         /* what is said of it; or NULL */
	bool wrong;                         /* the file is */
	struct limiter refusals;            /* of their log lines */
	struct mono turn; /* when the files that came are paid for */
	ev_timer patience;
};

void file_receive_init(struct file_receive *r, struct reload *reload);
void file_receive_fini(struct file_receive *r); /* takes zeros */

/* A question of the peer. `running`: this node is not stopping. */
void file_receive_hear(
    struct file_receive *r, const struct peer_file *m, bool running);

#pragma once

/*
 * The peer's file for this node (file_receive_step.h): put together, opened
 * with the pair's key, checked as for a reload and by what a peer may bring
 * (config/local_paths.h), and taken: once nothing can refuse it any more it is
 * put on disk, and then a reload begins. Nothing of it is looked at unless
 * pair.accept_file is true. Part of file_share.h.
 */

#include "core/limiter.h"
#include "hapair/supervisor/file_receive_step.h"
#include "hapair/supervisor/file_replace.h"
#include "hapair/supervisor/reload_file.h"

#include <ev.h>

struct reload;

struct file_receive {
	struct reload *reload; /* borrowed: what takes it here */
	struct file_receive_step step;
	uint8_t *sealed; /* of `total` bytes */
	struct reload_file file;
	bool same;                          /* it means what runs already */
	uint8_t running[CONFIG_HASH_BYTES]; /* what it was compared with */
	struct file_replace disk;
	bool back;    /* the file before is on disk again */
	char *before; /* the text that ran before; NULL: it was the same */
	size_t before_len;
	char *text;              /* what is said of it; or NULL */
	bool wrong;              /* the file is */
	struct limiter refusals; /* of their log lines */
	struct mono turn;        /* when the files that came are paid for */
	ev_timer patience;
};

void file_receive_init(struct file_receive *r, struct reload *reload);
void file_receive_fini(struct file_receive *r); /* takes zeros */

/* A question of the peer. `running`: this node is not stopping. */
void file_receive_hear(
    struct file_receive *r, const struct peer_file *m, bool running);

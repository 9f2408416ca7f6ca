#pragma once

/*
 * `hapair reload --both`: this node's file on both nodes, or on neither
 * (file_push_step.h). It is read and checked here as for a reload, sealed with
 * the pair's key, as it may hold passwords and the wire does not hide what it
 * carries, and given to the peer part by part. Part of file_share.h.
 */

#include "hapair/supervisor/file_push_step.h"
#include "hapair/supervisor/reload_file.h"

#include <ev.h>

struct reload;

struct file_push {
	struct reload *reload; /* borrowed: what takes it here */
	int socket;            /* of who asked; -1: nobody */
	struct file_push_step step;
	struct reload_file file;
	bool same; /* this node runs it already */
	uint64_t id;
	uint8_t hash[CONFIG_HASH_BYTES]; /* of what it means */
	uint8_t ran[CONFIG_HASH_BYTES];  /* by the peer, until it takes it */
	uint8_t *sealed;
	size_t sealed_len;
	char *own;  /* what came of it here */
	char *peer; /* what the peer said last; or NULL */
	bool wrong; /* that it is by what the file says */
	ev_timer again, patience, last;
};

void file_push_init(struct file_push *p, struct reload *reload);
void file_push_fini(struct file_push *p); /* takes zeros, without socket */

/* An operator's request: takes the socket. */
void file_push_obey(struct file_push *p, int *socket);

/* An answer of the peer. */
void file_push_hear(struct file_push *p, const struct peer_file *m);

/* Failover has no wire to the peer, or one that has no words for it. */
void file_push_note_unsent(struct file_push *p, bool unspoken);

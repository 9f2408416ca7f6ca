#pragma once

/*
 * What two supervisors say to each other about a configuration file that both
 * nodes are to run. Their failovers carry it over the wire and look at none of
 * it. The node on which an operator asked puts one question at a time, and says
 * it again until the other node answers: a wire that is made anew on the way
 * loses nothing. What a later version adds to the head is skipped.
 *
 * Pure.
 *
 *	1 bytes of the head  1 kind  1 flags  8 id  16 hash  4 total  4 at  rest
 */

#include "config/config.h"

struct buf;

enum peer_file_kind {
	/* Of the node that has the file. */
	PEER_FILE_PART = 1, /* so much of it: `total`, `at`, and the bytes */
	PEER_FILE_TAKE,     /* run it, and keep it on disk */
	PEER_FILE_UNDO,     /* run and keep what was there before */
	PEER_FILE_FORGET,   /* nobody will ask to take it; it has no answer */
	/* Of the other one, in answer. */
	PEER_FILE_HAVE,    /* so much of it: `at` */
	PEER_FILE_FINE,    /* all of it, and it can be taken */
	PEER_FILE_WORKING, /* at what was asked for */
	PEER_FILE_TAKEN,   /* text: where the file before it is; or empty */
	PEER_FILE_UNDONE,
	PEER_FILE_REFUSED, /* nothing has changed; text: why */
	PEER_FILE_KEPT,    /* it stays, on disk at least; text: why */
	PEER_FILE_STRANGE, /* there is no such file: it was started since */
};

/* The largest part: head and part make a message. */
#define PEER_FILE_PART_MAX 4000

struct peer_file {
	uint8_t kind; /* not an enum: a number from another host */
	bool wrong;   /* of REFUSED: by what the file says */
	uint64_t id;  /* of this file and this time */
	/* Of what the file means; in an answer, of what runs there. */
	uint8_t hash[CONFIG_HASH_BYTES];
	uint32_t total, at;
	size_t len;           /* of PART bytes, else a text without its NUL */
	const uint8_t *bytes; /* borrowed */
};

/* Bad where it does not fit: PEER_FILE_PART_MAX. */
void peer_file_put(struct buf *b, const struct peer_file *m);

/* Returns 0 or -EBADMSG. */
MUST_CHECK int peer_file_get(struct buf *b, struct peer_file *ret_file);

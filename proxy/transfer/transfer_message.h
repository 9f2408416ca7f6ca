#pragma once

/*
 * What two relays say to each other, one message a packet. Their main threads:
 *
 *   new -> old   HELLO
 *   old -> new   WORKER (each), STATE, GATHERED; or ABORT: it cannot give
 *   new -> old   DONE, when it serves, with its drain_timeout: who gives keeps
 *                its listeners until then
 *   old -> new   STATE (what was counted since, and who is left), GIVEN; both
 *                again when some have left, and when nobody is left
 *   old -> new   DROP at any time while it gives: an address leaves, and there
 *                is no connection to it here; DROPPED: nor there
 *
 * Then the workers, on a channel for each pair of them:
 *
 *   taker -> giver   GO, then TAKEN for each BATCH
 *   giver -> taker   BATCH, a few at a time, and END behind the last; or ABORT:
 *                    whatever TAKEN was not heard of is the giver's again
 *
 * Pure.
 */

#include "core/base.h"

struct buf;

/* Sessions in a batch: each stands still for as long as one takes. */
#define TRANSFER_MESSAGE_SESSIONS_MAX 32

/* Batches under way, so that one is written while another one is taken. */
#define TRANSFER_MESSAGE_WINDOW 2

/* With its NUL, as in a configuration. */
#define TRANSFER_MESSAGE_GROUP_MAX 64

enum transfer_message_type {
	TRANSFER_MESSAGE_GO = 1,
	/*
	 * Behind it, or in a memfd that is the first descriptor then: for each
	 * session a byte with the number of its descriptors, and its record.
	 */
	TRANSFER_MESSAGE_BATCH = 2,
	TRANSFER_MESSAGE_TAKEN = 3,
	TRANSFER_MESSAGE_END = 4,
	TRANSFER_MESSAGE_ABORT = 5,
	TRANSFER_MESSAGE_HELLO = 6,  /* `number` of workers */
	TRANSFER_MESSAGE_WORKER = 7, /* descriptor: a channel to one */
	TRANSFER_MESSAGE_STATE = 8,  /* service records behind it */
	/* These were all; the number: of its connections, 0: not told. */
	TRANSFER_MESSAGE_GATHERED = 9,
	/*
	 * `number` of sessions stay. With a descriptor, what the page knows of
	 * the past: `far_len` bytes in a memfd (proxy/web/rate_record.h).
	 */
	TRANSFER_MESSAGE_GIVEN = 10,
	TRANSFER_MESSAGE_DONE = 11,    /* `number`: drain_timeout in ms, or 0 */
	TRANSFER_MESSAGE_DROP = 12,    /* `group`; `number` for the answer */
	TRANSFER_MESSAGE_DROPPED = 13, /* `number` of it */
};

struct transfer_message {
	uint8_t type;    /* enum transfer_message_type */
	uint32_t number; /* of the batch, where nothing else is said */
	uint8_t n_sessions;
	uint32_t far_len; /* bytes in the memfd; 0: there is none */
	uint64_t refused; /* TAKEN: a bit for each that was not */
	uint64_t gone;    /* of these: its service or server is not known */
	char group[TRANSFER_MESSAGE_GROUP_MAX];
};

/* At most so many bytes. */
#define TRANSFER_MESSAGE_BYTES_MAX 160

void transfer_message_encode(struct buf *b, const struct transfer_message *m);

/* What follows it stays in the buffer. Returns 0 or -EBADMSG. */
MUST_CHECK int transfer_message_decode(
    struct buf *b, struct transfer_message *ret_message);

#pragma once

/*
 * What the two directors of a pair say to each other, over a stream of their
 * own: which connections there are, and what of that has arrived.
 *
 * A frame: 1 type, 2 length of the body, the body; numbers in network order.
 * What a later version has put behind a body is skipped, and so is a frame of a
 * type that is not known here: REPLICA_MSG_UNKNOWN. A body that is too short,
 * or says what cannot be, is malformed.
 *
 * Pure.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

struct buf;

#define REPLICA_MSG_VERSION 1

/* Of a later version's, too: more is malformed. */
#define REPLICA_MSG_BODY_MAX 1024
#define REPLICA_MSG_HEAD 3

/* The most that this version writes. */
#define REPLICA_MSG_BYTES_MAX 128

enum replica_msg_type {
	REPLICA_MSG_UNKNOWN = 0, /* of a later version; nothing else is known */
	REPLICA_MSG_HELLO = 1,   /* first: who this is */
	REPLICA_MSG_WANT = 2,    /* I own it no more, tell me all */
	REPLICA_MSG_BEGIN = 3,   /* I own it, at this term; all of it follows */
	REPLICA_MSG_ADD = 4,     /* a connection; in place of what slot had */
	REPLICA_MSG_DEL = 5,     /* the slot is empty */
	REPLICA_MSG_FINISH = 6,  /* that was all: forget what was not told */
	REPLICA_MSG_ACK = 7,     /* all up to this number is in my maps */
	REPLICA_MSG_REFUSE = 8,  /* what began so is not believed */
};

struct replica_msg {
	enum replica_msg_type type;
	uint16_t version; /* HELLO: the highest it speaks */
	uint8_t node;     /* HELLO: 0 or 1 */
	uint32_t slots;   /* HELLO: how many it has */
	uint8_t group;    /* all but HELLO, ACK */
	uint64_t term;    /* BEGIN, REFUSE */
	uint64_t seq;  /* BEGIN, ADD, FINISH; from 1. ACK, REFUSE: the peer's */
	uint32_t slot; /* ADD, DEL */
	uint32_t isn;  /* ADD: of the client's SYN */
	struct conn_tuple client; /* ADD: to where it is waited for */
	struct conn_tuple server; /* ADD: to our source address */
};

/* Writes one frame of a known type. */
void replica_msg_encode(struct buf *b, const struct replica_msg *m);

/*
 * Reads one frame; more may follow. Returns 1; 0 where it has not arrived whole
 * (nothing is consumed); or -EBADMSG.
 */
MUST_CHECK int replica_msg_decode(struct buf *b, struct replica_msg *ret_msg);

#pragma once

/*
 * What goes over the wire (peer_link.h), as bytes, and who may say it. Each end
 * of a TCP connection opens with a greeting, then sends frames; both greetings,
 * with their boots and random numbers, go into a key per direction, so that a
 * frame is good in one connection only, in one direction only, and at one place
 * in it only: forged, repeated, dropped, reordered and reflected ones are all
 * the same wrong MAC, and so is a greeting that was changed on its way. A peer
 * is proven by its first frame, and before it says nothing is believed.
 *
 * A greeting says which versions its sender speaks, the latest of both is
 * spoken, and how long it is: what a reader does not know at its end is
 * skipped, as are frames of a type it does not know. Each end signs with one of
 * the pair's keys and says which.
 *
 * No socket and no clock: bytes in, frames out. A value.
 *
 * Layout, in network byte order:
 *
 *	greeting  4 magic  1 version  1 least version  2 bytes of the greeting
 *	          8 key  8 sender  16 boot  16 nonce
 *	frame     2 length of the body  1 type  1 not read  body  16 MAC over
 *	          the frame's number (8 bytes, from 0) and all that stands
 *before
 */

#include "core/base.h"
#include "core/secret.h"
#include "failover/election/hello.h"

struct buf;
struct packet_auth;
struct packet_auth_key;

/* 3: each record of a connection has its length in front. 4: files. */
#define PEER_CODEC_VERSION 4
#define PEER_CODEC_VERSION_FILES 4
#define PEER_CODEC_VERSION_LEAST 3 /* that we speak */
#define PEER_CODEC_GREETING_BYTES 56
#define PEER_CODEC_GREETING_MAX 1024 /* of a later version */
#define PEER_CODEC_NONCE_BYTES 16
#define PEER_CODEC_HEAD_BYTES 4
#define PEER_CODEC_BODY_MAX 4096
#define PEER_CODEC_FRAME_MAX                                                   \
	(PEER_CODEC_HEAD_BYTES + PEER_CODEC_BODY_MAX + SECRET_MAC_BYTES)
/* the type of the first frame; its body is empty */
#define PEER_CODEC_PROOF 0

struct peer_codec {
	const struct packet_auth *auth; /* borrowed: the role's */
	struct hello_boot other;
	uint64_t signs, hears;           /* keys' ids; it, once greeted */
	uint8_t version;                 /* that both speak, once greeted */
	struct secret_key base;          /* what `send` is derived from */
	struct secret_key send, receive; /* once greeted */
	uint8_t greeting[PEER_CODEC_GREETING_BYTES]; /* ours */
	uint64_t sent, received;                     /* frames */
	bool greeted, proven;                        /* the other end is */
};

enum peer_codec_result {
	PEER_CODEC_MORE,    /* not all of it is here */
	PEER_CODEC_GREETED, /* its greeting: answer with a proof */
	PEER_CODEC_PROVEN,  /* it is the peer, and it is there now */
	PEER_CODEC_FRAME,   /* in *ret_frame */
	/* The connection is to be ended: */
	PEER_CODEC_MALFORMED, /* none of ours */
	PEER_CODEC_UNSPOKEN,  /* of versions that we do not speak */
	PEER_CODEC_FOREIGN,   /* another pair or node, or another key */
	PEER_CODEC_REFLECTED, /* our own words */
	PEER_CODEC_FORGED,    /* a wrong MAC */
};

struct peer_codec_frame {
	uint8_t type;
	size_t len;
	const uint8_t *body; /* borrowed: the bytes that were read */
};

/* `boot` is this process's, as in its hellos; `key` signs. */
struct peer_codec peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot);
void peer_codec_fini(struct peer_codec *c); /* wipes the keys */

/*
 * Appends a frame; bad where there is no room, or too long a body. Not before
 * the other end has greeted; the first must be the proof.
 */
void peer_codec_put(struct peer_codec *c, struct buf *b, uint8_t type,
    const void *body, size_t len);

/* What comes next in what was received; reads it off the buffer if whole. */
MUST_CHECK enum peer_codec_result peer_codec_get(
    struct peer_codec *c, struct buf *b, struct peer_codec_frame *ret_frame);

/* Why a connection was ended, for the log. */
const char *peer_codec_result_text(enum peer_codec_result r);

#pragma once

/*
 * An authenticated stream between the two nodes of a pair, as bytes, and who
 * may say them. The wire of failover (peer_codec.h) and the stream of directors
 * (replica_codec.h) are a protocol each.
 *
 * Each end of a TCP connection opens with a greeting, then sends frames. Both
 * greetings, with their random numbers, go into a key per direction, so that a
 * frame is good in one connection only, in one direction only, and at one place
 * in it only: forged, repeated, dropped, reordered and reflected ones are all
 * the same wrong tag, and so is a greeting that was changed on its way. The
 * first frame is the proof of its sender. Before it nothing is believed.
 *
 * A greeting says which versions its sender speaks, the latest of both is
 * spoken, and how long it is: what a reader does not know at its end is
 * skipped, as are frames of a type it does not know.
 *
 * No socket and no clock: bytes in, frames out. A value.
 *
 * Layout, in network byte order:
 *
 *	greeting  4 magic  1 version  1 least version  2 bytes of the greeting
 *	          the protocol's words  and a nonce
 *	frame     2 bytes of the body  1 type  1 not read  the body  16 tag
 *
 * The tag is a MAC over the frame's number (8 bytes, from 0) and all that
 * stands before. Where the protocol seals, the body is encrypted as well.
 */

#include "core/base.h"
#include "core/secret.h"

struct buf;
struct stream_codec;

#define STREAM_CODEC_GREETING_ROOM 64
#define STREAM_CODEC_GREETING_MAX 1024 /* of a later version */
#define STREAM_CODEC_HEAD_BYTES 4
#define STREAM_CODEC_FRAME_BYTES(body)                                         \
	(STREAM_CODEC_HEAD_BYTES + (body) + SECRET_TAG_BYTES)
/* the type of the first frame; its body is empty */
#define STREAM_CODEC_PROOF 0

enum stream_codec_result {
	STREAM_CODEC_MORE,    /* not all of it is here */
	STREAM_CODEC_GREETED, /* its greeting: answer with the proof */
	STREAM_CODEC_PROVEN,  /* it is the peer, and it is there now */
	STREAM_CODEC_FRAME,   /* in *ret_frame */
	/* The connection is to be ended: */
	STREAM_CODEC_MALFORMED,  /* none of ours */
	STREAM_CODEC_NO_VERSION, /* of versions that we do not speak */
	STREAM_CODEC_FOREIGN,    /* another pair or node, or another key */
	STREAM_CODEC_NO_KEY,     /* it has none of ours */
	STREAM_CODEC_REFLECTED,  /* our own words */
	STREAM_CODEC_FORGED,     /* nobody with the key has said that, here */
};

struct stream_codec_protocol {
	uint32_t magic;
	uint8_t version, version_least; /* that we speak */
	uint16_t greeting_bytes, body_max;
	const char *label; /* of a connection's keys */
	bool seals;
	/*
	 * The other end's words are read. Returns GREETED, with the keys of
	 * which those of this connection are made in `send` and `receive`; or
	 * why not.
	 */
	enum stream_codec_result (*meet)(
	    struct stream_codec *c, struct buf *words);
};

struct stream_codec {
	const struct stream_codec_protocol *protocol;
	uint8_t version;                 /* that both speak; once greeted */
	bool greeted, proven;            /* the other end is */
	uint64_t sent, received;         /* frames */
	struct secret_key send, receive; /* once greeted */
	uint8_t greeting[STREAM_CODEC_GREETING_ROOM]; /* ours: sent first */
};

struct stream_codec_frame {
	uint8_t type;
	uint16_t len;
	const uint8_t *body; /* borrowed: the bytes that were read */
};

/*
 * Returns where our words are to be written into the greeting: what is left of
 * it is the nonce.
 */
struct buf stream_codec_init(
    struct stream_codec *c, const struct stream_codec_protocol *protocol);
void stream_codec_fini(struct stream_codec *c); /* wipes the keys */

/*
 * Appends a frame; bad where there is no room, or too long a body. Not before
 * the other end has greeted; the first must be the proof.
 */
void stream_codec_put(struct stream_codec *c, struct buf *b, uint8_t type,
    const void *body, size_t len);

/*
 * What comes next in what was received; reads it off the buffer if whole. A
 * frame is opened where it stands.
 */
MUST_CHECK enum stream_codec_result stream_codec_get(struct stream_codec *c,
    struct buf *b, struct stream_codec_frame *ret_frame);

/* Why a connection was ended, for the log. */
const char *stream_codec_result_text(enum stream_codec_result r);

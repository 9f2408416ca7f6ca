#pragma once

/*
 * What goes over the stream between two directors (director_stream.h), as
 * bytes, and who may say it. Each end of a TCP connection opens with a
 * greeting, then sends frames. Both greetings, with their random numbers, go
 * into a key for each direction, so that a frame is good in one connection
 * only, in one direction only, and at one place in it only. The first frame is
 * empty: it proves its sender, and before it nothing is believed.
 *
 * A greeting says which versions and which of the pair's keys its sender has.
 * The latest version that both speak is spoken; of keys that both have, the
 * first one of the dialler's file is taken, since there are two while keys are
 * changed. What a later version has put at a greeting's end is skipped.
 *
 * No socket and no clock: bytes in, frames out. A value.
 *
 * Layout, in network byte order:
 *
 *	greeting  4 magic  1 version  1 least version  2 bytes of the greeting
 *	          8 sender  8 key  8 key (0: one only)  32 nonce
 *	frame     2 bytes of the body  the body, sealed, and 16 more
 */

#include "core/base.h"
#include "core/secret.h"

struct buf;
union addr;

#define STREAM_CODEC_VERSION 1
#define STREAM_CODEC_VERSION_LEAST 1 /* that we speak */
#define STREAM_CODEC_GREETING_BYTES 64
#define STREAM_CODEC_GREETING_MAX 1024 /* of a later version */
#define STREAM_CODEC_NONCE_BYTES 32
#define STREAM_CODEC_HEAD_BYTES 2
#define STREAM_CODEC_BODY_MAX 16384
#define STREAM_CODEC_FRAME_MAX                                                 \
	(STREAM_CODEC_HEAD_BYTES + STREAM_CODEC_BODY_MAX + SECRET_TAG_BYTES)

struct stream_codec_key {
	uint64_t id; /* tells nothing of the key; never 0 */
	struct secret_key key;
};

/* A pair's, and the ids of its nodes. */
struct stream_codec_keys {
	uint64_t self, other;
	unsigned n;
	struct stream_codec_key all[SECRET_KEYS_MAX]; /* in the file's order */
};

struct stream_codec_keys stream_codec_keys_init(const struct secret_keys *keys,
    const union addr *self, const union addr *other);
void stream_codec_keys_fini(struct stream_codec_keys *k); /* wipes them */
bool stream_codec_keys_have(const struct stream_codec_keys *k, uint64_t id);

struct stream_codec {
	const struct stream_codec_keys *keys; /* borrowed; until greeted */
	bool dials;                           /* else it was called */
	uint8_t version;                 /* that both speak; once greeted */
	uint64_t key;                    /* its id; once greeted */
	struct secret_key send, receive; /* once greeted */
	uint64_t sent, received;         /* frames */
	bool greeted, proven;            /* the other end is */
	uint8_t greeting[STREAM_CODEC_GREETING_BYTES]; /* ours */
};

enum stream_codec_result {
	STREAM_CODEC_MORE,    /* not all of it is here */
	STREAM_CODEC_GREETED, /* its greeting: answer with an empty frame */
	STREAM_CODEC_PROVEN,  /* it is the peer, and it is there now */
	STREAM_CODEC_FRAME,   /* in *ret_frame */
	/* The connection is to be ended: */
	STREAM_CODEC_MALFORMED,  /* none of ours */
	STREAM_CODEC_NO_VERSION, /* of versions that we do not speak */
	STREAM_CODEC_FOREIGN,    /* another pair, or another node */
	STREAM_CODEC_NO_KEY,     /* it has none of ours */
	STREAM_CODEC_REFLECTED,  /* our own words */
	STREAM_CODEC_FORGED,     /* nobody with the key has said that, here */
};

struct stream_codec_frame {
	size_t len;
	const uint8_t *body; /* borrowed: the bytes that were read */
};

/* Its greeting is to be sent first. */
struct stream_codec stream_codec_init(
    const struct stream_codec_keys *keys, bool dials);
void stream_codec_fini(struct stream_codec *c); /* wipes the keys */

/*
 * Appends a frame; bad where there is no room, or too long a body. Not before
 * the other end has greeted; the first must be empty, and no other.
 */
void stream_codec_put(
    struct stream_codec *c, struct buf *b, const void *body, size_t len);

/*
 * What comes next in what was received; reads it off the buffer if whole. A
 * frame is opened where it stands.
 */
MUST_CHECK enum stream_codec_result stream_codec_get(struct stream_codec *c,
    struct buf *b, struct stream_codec_frame *ret_frame);

/* Why a connection was ended, for the log. */
const char *stream_codec_result_text(enum stream_codec_result r);

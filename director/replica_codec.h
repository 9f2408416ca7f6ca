#pragma once

/*
 * The protocol of the stream between two directors (director_stream.h), by
 * stream_codec.h. Its frames are sealed.
 *
 * A greeting says which of the pair's keys its sender has. Of keys that both
 * have, the first one of the dialler's file is taken, since there are two while
 * keys are changed. Its words:
 *
 *	8 sender  8 key  8 key (0: one only)
 */

#include "core/stream/stream_codec.h"

union addr;

#define REPLICA_CODEC_VERSION 1
#define REPLICA_CODEC_VERSION_LEAST 1
#define REPLICA_CODEC_GREETING_BYTES 64
#define REPLICA_CODEC_BODY_MAX 16384
#define REPLICA_CODEC_FRAME_MAX STREAM_CODEC_FRAME_BYTES(REPLICA_CODEC_BODY_MAX)

/* The type of frames of replica_msg.h, one message after the other. */
#define REPLICA_CODEC_MSGS 1

struct replica_codec_key {
	uint64_t id; /* tells nothing of the key; never 0 */
	struct secret_key key;
};

/* A pair's, and the ids of its nodes. */
struct replica_codec_keys {
	uint64_t self, other;
	unsigned n;
	struct replica_codec_key all[SECRET_KEYS_MAX]; /* in the file's order */
};

struct replica_codec_keys replica_codec_keys_init(
    const struct secret_keys *keys, const union addr *self,
    const union addr *other);
void replica_codec_keys_fini(struct replica_codec_keys *k); /* wipes them */
bool replica_codec_keys_have(const struct replica_codec_keys *k, uint64_t id);

struct replica_codec {
	struct stream_codec stream;
	const struct replica_codec_keys *keys; /* borrowed; until greeted */
	bool dials;                            /* else it was called */
	uint64_t key;                          /* its id; once greeted */
};

struct replica_codec replica_codec_init(
    const struct replica_codec_keys *keys, bool dials);

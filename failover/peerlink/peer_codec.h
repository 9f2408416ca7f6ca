#pragma once

/*
 * The protocol of the wire (peer_link.h), by stream_codec.h. Its frames are
 * signed, and can be read.
 *
 * Each end signs with one of the pair's keys and says which. The words of its
 * greeting:
 *
 *	8 key  8 sender  16 boot
 */

#include "core/stream/stream_codec.h"
#include "failover/election/hello.h"

struct packet_auth;
struct packet_auth_key;

/* 3: each record of a connection has its length in front. 4: files. */
#define PEER_CODEC_VERSION 4
#define PEER_CODEC_VERSION_FILES 4
#define PEER_CODEC_VERSION_LEAST 3 /* that we speak */
#define PEER_CODEC_GREETING_BYTES 56
#define PEER_CODEC_BODY_MAX 4096
#define PEER_CODEC_FRAME_MAX STREAM_CODEC_FRAME_BYTES(PEER_CODEC_BODY_MAX)

struct peer_codec {
	struct stream_codec stream;
	const struct packet_auth *auth; /* borrowed: the role's */
	struct hello_boot other;        /* once greeted */
	uint64_t signs, hears;          /* keys' ids; it, once greeted */
};

/* `boot` is this process's, as in its hellos; `key` signs. */
struct peer_codec peer_codec_init(const struct packet_auth *auth,
    const struct packet_auth_key *key, const struct hello_boot *boot);

#pragma once

/*
 * One TCP connection of the wire (stream_line.h), a few of which are in struct
 * peer_link. Its watchers come last in each turn of the loop: heartbeats go
 * first.
 */

#include "core/stream/stream_line.h"
#include "failover/peerlink/peer_codec.h"

/* Two frames and a read of the next. */
#define PEER_LINE_IN_BYTES (16 * 1024)

/* Some 1,200 connections; what does not fit stays with its owner. */
#define PEER_LINE_OUT_BYTES (32 * 1024)

struct peer_line {
	struct stream_line line;
	struct peer_codec codec;
	uint8_t in[PEER_LINE_IN_BYTES], out[PEER_LINE_OUT_BYTES];
};

void peer_line_init(struct peer_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg);

/* Of all its sockets: marked like heartbeats. Returns 0 or -errno. */
MUST_CHECK int peer_line_set_options(int fd, bool v6);

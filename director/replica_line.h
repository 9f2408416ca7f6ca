#pragma once

/*
 * One connection between two directors (stream_line.h): what is said in a turn
 * of the loop goes out in frames as large as can be, with one send().
 */

#include "core/stream/stream_line.h"
#include "director/replica_codec.h"

struct replica_msg;

/* Three frames and a part of the next. */
#define REPLICA_LINE_IN_BYTES (64 * 1024)

/*
 * A second of 30,000 new connections, each of 92 bytes. Whose peer reads less
 * than that is better off without it, and begins anew.
 */
#define REPLICA_LINE_OUT_BYTES (4 * 1024 * 1024)

/* A dump leaves room for what is new meanwhile. */
#define REPLICA_LINE_DUMP_BYTES (1024 * 1024)

/* Some MB, of which what was never used takes no memory. */
struct replica_line {
	struct stream_line line;
	struct replica_codec codec;
	size_t said_len;
	uint8_t said[REPLICA_CODEC_BODY_MAX];
	uint8_t in[REPLICA_LINE_IN_BYTES];
	uint8_t out[REPLICA_LINE_OUT_BYTES];
};

/* `calls` has replica_line_on_turn(). */
void replica_line_init(struct replica_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg);
void replica_line_on_turn(struct stream_line *l);

/* The options of all its sockets. Returns 0 or -errno. */
MUST_CHECK int replica_line_set_options(int fd, bool v6);

/* As stream_line_start(). The keys are borrowed until it is proven. */
void replica_line_start(struct replica_line *l, int *fd, bool connected,
    const struct replica_codec_keys *keys, bool dials);

/* Of one that is proven. Where it does not fit the line ends: ENOBUFS. */
void replica_line_send(struct replica_line *l, const struct replica_msg *m);
void replica_line_flush(struct replica_line *l);

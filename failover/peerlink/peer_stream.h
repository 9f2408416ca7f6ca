#pragma once

/*
 * One TCP connection of the wire, from the greeting on. Moves frames without
 * ever waiting, and knows whether the other end is proven; which of them
 * counts, and when to try another, is peer_link.c's.
 *
 * Embedded in struct peer_link, one of a few. Its watcher comes last in each
 * turn of the loop: heartbeats go first.
 */

#include "core/base.h"
#include "core/mono.h"
#include "failover/peerlink/peer_codec.h"

#include <ev.h>

union addr;
struct peer_stream;

/* Two frames and a read of the next. */
#define PEER_STREAM_IN_BYTES (16 * 1024)

/*
 * After so much a rest of so many milliseconds, 16 MB a second: twice what an
 * honest peer sends when it tells of all its connections. Who sends more waits.
 */
#define PEER_STREAM_READ_BYTES (64 * 1024)
#define PEER_STREAM_READ_MS 4

/* Some 1,200 connections; what does not fit stays with its owner. */
#define PEER_STREAM_OUT_BYTES (32 * 1024)

enum peer_stream_state {
	PEER_STREAM_FREE,
	PEER_STREAM_DIALLING, /* connect() is under way */
	PEER_STREAM_GREETING, /* connected; nothing of it is believed yet */
	PEER_STREAM_PROVEN,
};

struct peer_stream_end {
	enum peer_codec_result refused; /* MORE: the connection ended */
	int error;                      /* errno, 0: in order */
	enum peer_stream_state was;
	bool silent; /* of PEER_STREAM_GREETING: the other end said nothing */
};

struct peer_stream_calls {
	void (*on_proven)(struct peer_stream *l);
	void (*on_frame)(
	    struct peer_stream *l, const struct peer_codec_frame *f);
	void (*on_room)(struct peer_stream *l); /* there is some again */
	/* It is free again. Not called by peer_stream_close(). */
	void (*on_end)(
	    struct peer_stream *l, const struct peer_stream_end *end);
};

struct peer_stream {
	struct ev_loop *loop; /* borrowed */
	const struct peer_stream_calls *calls;
	void *arg;
	enum peer_stream_state state;
	int fd;
	struct peer_codec codec;
	ev_io ready;
	ev_timer rest; /* while nothing is read */
	struct mono since, heard, spoke;
	size_t n_read;
	size_t in_len, out_at, out_len;
	uint8_t in[PEER_STREAM_IN_BYTES];
	uint8_t out[PEER_STREAM_OUT_BYTES];
};

void peer_stream_init(struct peer_stream *l, struct ev_loop *loop,
    const struct peer_stream_calls *calls, void *arg);

/*
 * The options of all the wire's sockets: marked like heartbeats, and with an
 * end to waiting for acknowledgements. Returns 0 or -errno.
 */
MUST_CHECK int peer_stream_set_options(int fd, bool v6);

/* Begins with a socket, which it now owns: connected, or about to be. */
void peer_stream_start(struct peer_stream *l, int *fd, bool connected,
    const struct packet_auth *auth, const struct packet_auth_key *key,
    const struct hello_boot *boot);

/* Reads what is there now. For an event that its owner expects. */
void peer_stream_receive(struct peer_stream *l);

/*
 * A frame. Returns 0 or -EAGAIN where there is no room: on_room comes then.
 * Only when proven.
 */
MUST_CHECK int peer_stream_send(
    struct peer_stream *l, uint8_t type, const void *body, size_t len);

/* Two of the largest frames fit. */
bool peer_stream_has_room(const struct peer_stream *l);

/*
 * Ends the connection, also where another process holds it; takes a free one.
 */
void peer_stream_close(struct peer_stream *l);

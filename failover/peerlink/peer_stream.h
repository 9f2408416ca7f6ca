#pragma once

/*
 * A line: one TCP connection of the wire, from the greeting on. Moves frames
 * without ever waiting, and knows whether the other end is proven; which line
 * counts, and when to try another, is peer_link.c's.
 *
 * Embedded in struct wire, one of a few. Its watcher comes last in each turn of
 * the loop: heartbeats go first.
 */

#include "core/base.h"
#include "core/mono.h"
#include "failover/peerlink/peer_codec.h"

#include <ev.h>

union addr;
struct line;

/* Two frames and a read of the next. */
#define LINE_IN_BYTES (16 * 1024)

/* Some 1,200 connections; what does not fit stays with its owner. */
#define LINE_OUT_BYTES (32 * 1024)

enum line_state {
	LINE_FREE,
	LINE_DIALLING, /* connect() is under way */
	LINE_GREETING, /* connected; nothing of it is believed yet */
	LINE_PROVEN,
};

struct line_end {
	enum cable_result refused; /* CABLE_MORE: the connection ended */
	int error;                 /* errno, 0: in order */
	enum line_state was;
};

struct line_calls {
	void (*on_proven)(struct line *l);
	void (*on_frame)(struct line *l, const struct cable_frame *f);
	void (*on_room)(struct line *l); /* there was none, and is again */
	/* It is free again. Not called by line_close(). */
	void (*on_end)(struct line *l, const struct line_end *end);
};

struct line {
	struct ev_loop *loop; /* borrowed */
	const struct line_calls *calls;
	void *arg;
	enum line_state state;
	int fd;
	struct cable cable;
	ev_io ready;
	struct mono since, heard, spoke;
	size_t in_len, out_at, out_len;
	uint8_t in[LINE_IN_BYTES];
	uint8_t out[LINE_OUT_BYTES];
};

void line_init(struct line *l, struct ev_loop *loop,
    const struct line_calls *calls, void *arg);

/*
 * The options of all the wire's sockets: marked like heartbeats, and with an
 * end to waiting for acknowledgements. Returns 0 or -errno.
 */
MUST_CHECK int line_set_options(int fd, bool v6);

/* Begins with a socket, which it now owns: connected, or about to be. */
void line_start(struct line *l, int *fd, bool connected,
    const struct packet_auth *auth, const struct hello_boot *boot);

/* Reads what is there now. For an event that its owner expects. */
void line_receive(struct line *l);

/*
 * A frame. Returns 0 or -EAGAIN where there is no room: on_room comes then.
 * Only when proven.
 */
MUST_CHECK int line_send(
    struct line *l, uint8_t type, const void *body, size_t len);

/* Two of the largest frames fit. */
bool line_has_room(const struct line *l);

/*
 * Ends the connection, also where another process holds it; takes a free one.
 */
void line_close(struct line *l);

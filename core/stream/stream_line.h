#pragma once

/*
 * One TCP connection between two nodes, from connect() on, that speaks a
 * protocol of stream_codec.h. Moves frames without ever waiting, and knows
 * whether the other end is proven; which of them counts, and when to try
 * another, is its owner's.
 *
 * Nobody is called from within a call of the owner's: what goes wrong there is
 * told from the loop, before it sleeps. Allocates nothing.
 */

#include "core/base.h"
#include "core/mono.h"
#include "core/stream/stream_codec.h"

#include <ev.h>

struct stream_line;

enum stream_line_state {
	STREAM_LINE_FREE,
	STREAM_LINE_DIALLING, /* connect() is under way */
	STREAM_LINE_GREETING, /* connected; nothing of it is believed yet */
	STREAM_LINE_PROVEN,
};

struct stream_line_end {
	enum stream_line_state was;
	enum stream_codec_result refused; /* MORE: the connection ended */
	int error;   /* errno; 0: in order. ETIMEDOUT: not proven in time */
	bool silent; /* the other end said nothing */
};

struct stream_line_calls {
	void (*on_proven)(struct stream_line *l);
	void (*on_frame)(
	    struct stream_line *l, const struct stream_codec_frame *f);
	/* Behind some of these; may be NULL. */
	void (*on_read_all)(struct stream_line *l);
	/* After stream_line_has_room() was false, or a frame did not fit. */
	void (*on_room)(struct stream_line *l);
	/* After stream_line_speak(): what is to be put; may be NULL. */
	void (*on_turn)(struct stream_line *l);
	/* It is free again. Not called by stream_line_close(). */
	void (*on_end)(
	    struct stream_line *l, const struct stream_line_end *end);
};

struct stream_line_setup {
	struct ev_loop *loop; /* borrowed */
	const struct stream_line_calls *calls;
	void *arg;
	int priority;      /* of its watchers */
	uint32_t prove_ms; /* within which the other end is to be proven */
	/* After so many bytes nothing is read for so long. 0: always. */
	size_t rest_bytes;
	uint32_t rest_ms;
	size_t spare_bytes; /* has room where so many are free */
	/* Borrowed. A frame and more has to fit into either. */
	uint8_t *in, *out;
	size_t in_bytes, out_bytes;
};

struct stream_line {
	struct stream_line_setup setup;
	struct stream_codec *codec; /* borrowed while it is not free */
	enum stream_line_state state;
	int fd;
	ev_io ready;
	ev_timer limit, rest;
	ev_prepare turn; /* there is something to say or to tell */
	struct mono since, heard, spoke;
	int broken; /* errno, to be told */
	bool wants_room;
	size_t n_read, in_len, out_at, out_len;
};

void stream_line_init(
    struct stream_line *l, const struct stream_line_setup *setup);

/*
 * The options of all sockets of such lines: before bulk traffic, and with an
 * end to waiting for acknowledgements. Returns 0 or -errno.
 */
MUST_CHECK int stream_line_set_options(int fd, bool v6);

/*
 * Begins with a socket, which it now owns: connected, or about to be. The codec
 * is new; it is wiped in the end.
 */
void stream_line_start(
    struct stream_line *l, int *fd, bool connected, struct stream_codec *codec);

/* Reads what is there now. For an event that its owner expects. */
void stream_line_receive(struct stream_line *l);

/*
 * A frame, of one that is proven; goes with the next flush. Returns 0, also
 * where it is about to end, or -EAGAIN where there is no room.
 */
MUST_CHECK int stream_line_put(
    struct stream_line *l, uint8_t type, const void *body, size_t len);
void stream_line_flush(struct stream_line *l);

/* Before the loop sleeps: on_turn, then a flush. */
void stream_line_speak(struct stream_line *l);

bool stream_line_has_room(struct stream_line *l);

/*
 * It is to end, and on_end comes from the loop, soon. `error`: errno, EBADMSG
 * where the other end says what makes no sense.
 */
void stream_line_break(struct stream_line *l, int error);

/* Ends the connection, also where another process holds it; takes a free one.
 */
void stream_line_close(struct stream_line *l);

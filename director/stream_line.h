#pragma once

/*
 * One TCP connection between two directors, from connect() on. Moves messages
 * without ever waiting, and knows whether the other end is proven; which of
 * them counts, and when to try another, is director_stream.c's.
 *
 * What is said in a turn of the loop goes out before the loop sleeps, in one
 * send(). Nobody is called from within a call of the owner's: what goes wrong
 * there is told from the loop.
 */

#include "core/base.h"
#include "director/replica_msg.h"
#include "director/stream_codec.h"

#include <ev.h>

union addr;
struct stream_line;

/* Three frames and a part of the next. */
#define STREAM_LINE_IN_BYTES (64 * 1024)

/*
 * A second of 30,000 new connections, each of 92 bytes. Whose peer reads less
 * than that is better off without it, and begins anew.
 */
#define STREAM_LINE_OUT_BYTES (4 * 1024 * 1024)

/* A dump leaves room for what is new meanwhile. */
#define STREAM_LINE_DUMP_BYTES (1024 * 1024)

enum stream_line_state {
	STREAM_LINE_FREE,
	STREAM_LINE_DIALLING, /* connect() is under way */
	STREAM_LINE_GREETING, /* connected; nothing of it is believed yet */
	STREAM_LINE_PROVEN,
};

struct stream_line_end {
	enum stream_line_state was;
	enum stream_codec_result refused; /* MORE: the connection ended */
	int error;                        /* errno; 0: in order */
};

struct stream_line_calls {
	void (*on_proven)(struct stream_line *l);
	void (*on_msg)(struct stream_line *l, const struct replica_msg *m);
	void (*on_read_all)(struct stream_line *l);
	void (*on_room)(struct stream_line *l);
	/* It is free again. Not called by stream_line_close(). */
	void (*on_end)(
	    struct stream_line *l, const struct stream_line_end *end);
};

struct stream_line {
	struct ev_loop *loop; /* borrowed */
	const struct stream_line_calls *calls;
	void *arg;
	enum stream_line_state state;
	int fd;
	struct stream_codec codec;
	ev_io ready;
	ev_timer limit;  /* to be proven within */
	ev_prepare turn; /* something was said in it */
	int broken;      /* errno, to be told from the loop */
	bool wants_room;
	size_t in_len, said_len, out_at, out_len;
	uint8_t *in, *said, *out; /* NULL while it is free */
};

void stream_line_init(struct stream_line *l, struct ev_loop *loop,
    const struct stream_line_calls *calls, void *arg);

/* The options of all of a stream's sockets. Returns 0 or -errno. */
MUST_CHECK int stream_line_set_options(int fd, bool v6);

/*
 * Begins with a socket, which it now owns: connected, or about to be. The keys
 * are borrowed until it is proven. Returns 0, or -ENOMEM and it is closed.
 */
MUST_CHECK int stream_line_start(struct stream_line *l, int *fd, bool connected,
    const struct stream_codec_keys *keys, bool dials);

/* Of one that is proven; left out where it does not fit. */
void stream_line_send(struct stream_line *l, const struct replica_msg *m);
void stream_line_flush(struct stream_line *l);
bool stream_line_has_room(struct stream_line *l);

/* It is to end, and on_end comes from the loop, soon. `error`: errno. */
void stream_line_break(struct stream_line *l, int error);

void stream_line_close(struct stream_line *l); /* takes a free one */

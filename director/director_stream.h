#pragma once

/*
 * The stream between the two directors of a pair: one TCP connection, made
 * again and again, authenticated and encrypted (replica_codec.h), of frames of
 * replica_msg.h. Node 0 dials, from its own address; node 1 accepts from the
 * peer's address and nobody else's.
 *
 * What is said in one turn of the loop goes out with one send, before the loop
 * sleeps. Nothing here waits; the queue has a bound, and who does not read is
 * not there: on_down.
 *
 * A key that is wrong or a version that nobody here speaks is told once in the
 * log, and director_stream_trouble() has it until the stream is up.
 *
 * One a process, in its only thread.
 */

#include "core/addr.h"
#include "core/secret.h"
#include "director/replica_msg.h"

struct ev_loop;
struct director_stream;

/* Called from the loop, never from within a call of the owner's. */
struct director_stream_calls {
	/*
	 * The other end is the peer's director, and there now:
	 * DIRECTOR_NODE_LINK_UP. Also where it takes the place of one that was
	 * up, without an on_down.
	 */
	void (*on_up)(void *arg);
	/* Not after director_stream_hang_up(): DIRECTOR_NODE_LINK_DOWN. */
	void (*on_down)(void *arg);
	/* Borrowed: DIRECTOR_NODE_HEARD. */
	void (*on_msg)(void *arg, const struct replica_msg *m);
	/* Behind some of these: DIRECTOR_NODE_READ_ALL. */
	void (*on_read_all)(void *arg);
	/* After director_stream_has_room() was false: DIRECTOR_NODE_CAN_SEND.
	 */
	void (*on_room)(void *arg);
};

struct director_stream_setup {
	struct ev_loop *loop;
	const struct director_stream_calls *calls;
	void *arg;
	const char *subject;    /* of its log lines; borrowed */
	unsigned node;          /* 0 or 1: by the configuration */
	union addr self, other; /* the nodes' own; ports are not looked at */
	uint16_t port;          /* pair.port + 1 */
	const struct secret_keys *keys; /* the pair's; copied */
};

/* NULL where memory is out. Node 0 begins to dial. */
MUST_CHECK struct director_stream *director_stream_open(
    const struct director_stream_setup *setup);
void director_stream_close(struct director_stream *s); /* takes NULL */

/*
 * Where the peer is accepted: takes the descriptor, in place of the one before.
 * Node 0 closes it. Returns 0 or -errno.
 */
MUST_CHECK int director_stream_listen(struct director_stream *s, int *fd);

/*
 * The pair's keys are these now. A stream that was made with one that is not
 * among them ends (on_down), and comes anew.
 */
void director_stream_set_keys(
    struct director_stream *s, const struct secret_keys *keys);

/* The peer is heard again: whatever the next try waits for is of the past. */
void director_stream_try_now(struct director_stream *s);

bool director_stream_is_up(const struct director_stream *s);

/*
 * Goes with what else is said in this turn. While the stream is down, or the
 * queue is full, it is left out: on_down comes then, from the loop.
 */
void director_stream_send(
    struct director_stream *s, const struct replica_msg *m);

/*
 * Sends what was said so far, without waiting for the turn's end. For who has
 * just emptied the ring.
 */
void director_stream_flush(struct director_stream *s);

/* A portion of a dump (DIRECTOR_NODE_PORTION) would be taken now. */
bool director_stream_has_room(struct director_stream *s);

/*
 * DIRECTOR_NODE_HANG_UP: ends it, without on_down, and begins anew a moment
 * later. `why` is a constant in an operator's words; the same is told once,
 * until a stream has stood for a while.
 */
void director_stream_hang_up(struct director_stream *s, const char *why);

enum director_stream_trouble {
	DIRECTOR_STREAM_WELL,       /* nothing is wrong that is known */
	DIRECTOR_STREAM_NO_KEY,     /* the other end has none of our keys */
	DIRECTOR_STREAM_NO_VERSION, /* it speaks none that we do */
	DIRECTOR_STREAM_STRANGE,    /* it is no director of this pair */
};

enum director_stream_trouble director_stream_trouble(
    const struct director_stream *s);
/* "it has none of this node's keys"; "" where it is well. */
const char *director_stream_trouble_text(enum director_stream_trouble t);

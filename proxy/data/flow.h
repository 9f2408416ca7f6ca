#pragma once

/*
 * A flow moves the bytes of one direction of a connection, from one socket to
 * the other, and its end. It owns neither socket. Two ways, never mixed while
 * bytes are under way, since their order is the stream's:
 *
 * - copy: through the thread's scratch buffer; what a send leaves over is kept
 *   in memory of the flow's own until it is gone.
 * - splice: once reads keep filling the scratch buffer, through a pooled pipe,
 *   without the bytes ever being in user space; back to copying when reads get
 *   small.
 *
 * While anything is held the flow does not read: that is the back-pressure, and
 * the bound on memory. An idle flow holds nothing. And one whose destination
 * stands still owns no pipe for long: another that needs one moves those bytes
 * to memory. They are few, since a splice takes in little more than the
 * destination has room for.
 *
 * Sockets are registered edge-triggered: `readable` and `writable` remember
 * what the kernel has said and what our calls have found out since. No answer
 * of one call is proof of more than it says: a short read may have stopped at
 * urgent data, splice() says 0 there, too, and recv() once an error was told.
 *
 * Urgent data (MSG_OOB) is a byte of the stream with a mark on it, and is sent
 * on as that. Sockets are SO_OOBINLINE, so that no read can step over the byte.
 * What the kernel says of readable and urgent is not of one moment: the first
 * such byte of a connection goes on as an ordinary one, in a race that was seen
 * once in 10,000, and once in 1,500 where processors were long in coming; from
 * then on each read looks first.
 */

#include "core/base.h"

struct pipes;
struct pipes_pipe;

/* What one recv takes at most: large sends make large TCP segments. */
#define FLOW_SCRATCH_BYTES (64 * 1024)

/* Where the source's urgent byte is. */
enum flow_mark {
	FLOW_MARK_NONE, /* epoll will tell of the next one */
	/* it may be the next byte, unseen: ask before reading */
	FLOW_MARK_MAYBE,
	FLOW_MARK_AHEAD, /* it is here: reads stop there, and are to go on */
};

/* One socket, as a flow's source or destination. */
struct flow_end {
	int fd;        /* -1: not open */
	uint8_t side;  /* of the session: its index in `ends` */
	bool readable; /* a recv may give something */
	bool writable; /* a send may take something */
	bool hung_up;  /* the peer has sent its FIN: read on to find it */
	bool failed;   /* the kernel has an error for us */
	bool spent;    /* a call of ours was told it: recv will say 0 next */
	bool asks;     /* urgent bytes were seen: no read without a look */
	uint8_t mark;  /* enum flow_mark */
};

/*
 * What a turn moves at most. At once, when epoll tells of something: a small
 * exchange, whole. What has more goes on in its turn among the others that
 * have, up to a quarter of a millisecond each.
 */
#define FLOW_SLICE_BYTES FLOW_SCRATCH_BYTES
#define FLOW_TURN_BYTES (1024 * 1024)

/* What a flow borrows for a turn: the thread's. */
struct flow_tools {
	uint32_t turn_bytes;
	uint8_t *scratch; /* FLOW_SCRATCH_BYTES */
	struct pipes *pipes;
};

struct flow {
	uint8_t *held;           /* NULL: nothing */
	struct pipes_pipe *pipe; /* NULL, or with bytes in it */
	uint32_t held_pos, held_len;
	uint32_t room;      /* what the destination takes, as far as known */
	uint8_t full_reads; /* in a row: at FLOW_BULK_READS it splices */
	bool no_splice;     /* the kernel can't, for these sockets */
	bool held_urgent;   /* what is held is one byte, and is urgent */
	bool end_read;      /* the source has sent its last byte */
	bool end_passed;    /* and the destination has been told */
	uint64_t bytes;     /* sent on */
};

#define FLOW_BULK_READS 2

enum flow_result {
	FLOW_WAITS,        /* nothing more to do until the kernel says so */
	FLOW_BUSY,         /* its turn is over, but there is more: come again */
	FLOW_ENDED,        /* every byte is out; the end is yet to be passed */
	FLOW_READ_FAILED,  /* the source was reset, or worse */
	FLOW_WRITE_FAILED, /* the destination takes no more */
	FLOW_NO_MEMORY,
};

/*
 * Moves what can be moved now, a bounded amount. On a failure *ret_errno tells
 * which.
 */
MUST_CHECK enum flow_result flow_pump(struct flow *f, struct flow_end *src,
    struct flow_end *dst, const struct flow_tools *tools, int *ret_errno);

/*
 * Before there is a destination: reads once, a little, and holds what it gets.
 * FLOW_BUSY: something is held; FLOW_ENDED: the source has ended without a
 * word.
 */
MUST_CHECK enum flow_result flow_prefetch(struct flow *f, struct flow_end *src,
    const struct flow_tools *tools, int *ret_errno);

/*
 * After FLOW_ENDED: the destination hears of the end, too, once. Returns 0 or
 * -errno.
 */
MUST_CHECK int flow_pass_end(struct flow *f, struct flow_end *dst);

/*
 * Takes a copy of bytes that are to go first; nothing is held yet. Returns 0 or
 * -ENOMEM.
 */
MUST_CHECK int flow_hold(
    struct flow *f, const uint8_t *bytes, size_t len, bool urgent);

/*
 * What is held in a pipe is held in memory from now on, and the pipe is given
 * back. Returns 0 or -ENOMEM.
 */
MUST_CHECK int flow_empty_pipe(struct flow *f, struct pipes *pipes);

/* Whether bytes wait here for the destination. */
bool flow_is_holding(const struct flow *f);

/* Whether it has more under way than a small exchange. */
bool flow_is_bulk(const struct flow *f);

/* Frees what is held. */
void flow_fini(struct flow *f, struct pipes *pipes);

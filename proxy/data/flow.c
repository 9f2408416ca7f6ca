#include "proxy/data/flow.h"

#include "proxy/data/pipes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What is read of a client that has no server yet. Enough for a request; many
 * may wait, and whatever more they say waits in their kernels.
 */
#define PREFETCH_BYTES 4096

/*
 * What a splice takes in beyond the destination's room: enough to fill it, so
 * that its next room is an edge, and what is left then is small.
 */
#define SPLICE_BEYOND (48 * 1024)

/* Below this the destination is asked again. */
#define ROOM_LEAST (64 * 1024)

/* A pipe with more in it stays with its flow. */
#define HELD_MAX (128 * 1024)

/* A splice that brings less than this is no bulk any more. */
#define SPLICE_LEAST (16 * 1024)

/*
 * recv() and send() of the C library are points where a thread may be
 * cancelled. Nobody cancels ours, and in a process of several threads each call
 * pays for it, 1.5 % of a small exchange: so these are the kernel's calls
 * alone.
 */
static ssize_t
receive_now(int fd, void *to, size_t len)
{
	return syscall(SYS_recvfrom, fd, to, len, MSG_DONTWAIT, NULL, NULL);
}

static ssize_t
send_now(int fd, const void *from, size_t len, int flags)
{
	return syscall(SYS_sendto, fd, from, len,
	    flags | MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

/* The kernel tells an error once: the call that is told it remembers that. */
static enum flow_result
fail(struct flow_end *end, enum flow_result result, int *ret_errno)
{
	*ret_errno = errno;
	end->spent = true;
	return result;
}

/*
 * Sends; what does not fit is left over and `writable` cleared, so that the
 * next edge is waited for. Returns bytes taken or -1 with errno.
 */
static ssize_t
send_some(struct flow_end *dst, const uint8_t *p, size_t len, bool urgent)
{
	ssize_t n;

	do
		n = send_now(dst->fd, p, len, urgent ? MSG_OOB : 0);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		n = 0;
	if (n != -1 && (size_t)n < len)
		dst->writable = false;
	return n;
}

int
flow_hold(struct flow *f, const uint8_t *p, size_t len, bool urgent)
{
	f->held = malloc(len);
	if (f->held == NULL)
		return -ENOMEM;
	memcpy(f->held, p, len);
	f->held_pos = 0;
	f->held_len = (uint32_t)len;
	f->held_urgent = urgent;
	return 0;
}

static void
free_held(struct flow *f)
{
	free(f->held);
	f->held = NULL;
	f->held_pos = f->held_len = 0;
	f->held_urgent = false;
}

static void
give_pipe(struct flow *f, struct pipes *pipes)
{
	if (f->pipe != NULL)
		pipes_give(pipes, f->pipe);
	f->pipe = NULL;
}

bool
flow_is_bulk(const struct flow *f)
{
	return f->full_reads > 0 || flow_is_holding(f);
}

bool
flow_is_holding(const struct flow *f)
{
	return f->held != NULL || f->pipe != NULL;
}

/* From memory to the destination. */
static enum flow_result
empty_held(struct flow *f, struct flow_end *dst, int *ret_errno)
{
	ssize_t n = send_some(dst, f->held + f->held_pos,
	    f->held_len - f->held_pos, f->held_urgent);

	if (n == -1)
		return fail(dst, FLOW_WRITE_FAILED, ret_errno);
	f->held_pos += (uint32_t)n;
	f->bytes += (uint64_t)n;
	if (f->held_pos < f->held_len)
		return FLOW_WAITS;
	free_held(f);
	return FLOW_BUSY;
}

/* From the pipe to the destination. */
static enum flow_result
empty_pipe(struct flow *f, struct flow_end *dst, int *ret_errno)
{
	while (f->pipe->bytes > 0) {
		ssize_t n = splice(f->pipe->out, NULL, dst->fd, NULL,
		    f->pipe->bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n == -1 && errno == EINTR)
			continue;
		/* 0 too: there are bytes in the pipe, so it is no end. */
		if (n == 0 || (n == -1 && errno == EAGAIN)) {
			dst->writable = false;
			f->room = 0;
			return FLOW_WAITS;
		}
		if (n == -1)
			return fail(dst, FLOW_WRITE_FAILED, ret_errno);
		f->pipe->bytes -= (size_t)n;
		f->bytes += (uint64_t)n;
	}
	return FLOW_BUSY;
}

int
flow_empty_pipe(struct flow *f, struct pipes *pipes)
{
	struct pipes_pipe *pipe = f->pipe;
	size_t n = 0;

	if (pipe == NULL)
		return 0;
	f->held = malloc(pipe->bytes);
	if (f->held == NULL)
		return -ENOMEM;
	while (n < pipe->bytes) {
		ssize_t got = read(pipe->out, f->held + n, pipe->bytes - n);

		/* They are in it: there is nothing to wait for. */
		assert(got > 0 || errno == EINTR);
		n += got > 0 ? (size_t)got : 0;
	}
	f->held_pos = 0;
	f->held_len = (uint32_t)n;
	f->held_urgent = false;
	pipe->bytes = 0;
	give_pipe(f, pipes);
	return 0;
}

/*
 * Somebody stands still with a pipe that we could use: its bytes go to memory,
 * where they wait as well.
 */
static void
free_a_pipe(struct pipes *pipes)
{
	struct pipes_pipe *pipe = pipes_longest_waiting(pipes);

	if (pipe != NULL && pipe->bytes <= HELD_MAX)
		(void)!flow_empty_pipe(pipe->flow, pipes);
}

static struct pipes_pipe *
take_pipe(struct pipes *pipes)
{
	struct pipes_pipe *pipe = pipes_take(pipes);

	if (pipe != NULL)
		return pipe;
	free_a_pipe(pipes);
	return pipes_take(pipes);
}

/* What the destination's kernel would take now; a call for many bytes. */
static uint32_t
ask_room(const struct flow_end *dst)
{
	uint32_t m[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(m);

	if (getsockopt(dst->fd, SOL_SOCKET, SO_MEMINFO, m, &len) == -1)
		return 0;
	if (m[SK_MEMINFO_SNDBUF] <= m[SK_MEMINFO_WMEM_QUEUED])
		return 0;
	return m[SK_MEMINFO_SNDBUF] - m[SK_MEMINFO_WMEM_QUEUED];
}

static size_t
amount_for(struct flow *f, const struct flow_end *dst)
{
	size_t n;

	if (f->room < ROOM_LEAST)
		f->room = ask_room(dst);
	n = (size_t)f->room + SPLICE_BEYOND;
	return n < f->pipe->size ? n : f->pipe->size;
}

/*
 * Fills the empty pipe. Since it is empty, EAGAIN means that the socket is, or
 * that it stands at an urgent byte that epoll is yet to tell us of: in both
 * cases an edge will come. But 0 may be the end or, with the FIN already
 * there, an urgent byte in front of it: recv() is asked.
 */
static enum flow_result
fill_pipe(struct flow *f, struct flow_end *src, const struct flow_end *dst,
    struct pipes *pipes, int *ret_errno)
{
	size_t most;
	ssize_t n;

	if (f->pipe == NULL)
		f->pipe = take_pipe(pipes);
	if (f->pipe == NULL) {
		f->full_reads = 0; /* copy for a while */
		return FLOW_BUSY;
	}
	most = amount_for(f, dst);
	do
		n = splice(src->fd, NULL, f->pipe->in, NULL, most,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n == -1 && errno == EINTR);
	if (n > 0) {
		f->pipe->bytes = (size_t)n;
		f->room -= n < f->room ? (uint32_t)n : f->room;
		if (n < SPLICE_LEAST)
			f->full_reads = 0;
		return FLOW_BUSY;
	}
	if (n == 0) {
		src->mark = FLOW_MARK_AHEAD; /* until recv() knows better */
		return FLOW_BUSY;
	}
	switch (errno) {
	case EAGAIN:
		src->readable = false;
		return FLOW_WAITS;
	case EINVAL:
	case ENOSYS:
	case ENOMEM:
		f->no_splice = true;
		return FLOW_BUSY;
	default:
		return fail(src, FLOW_READ_FAILED, ret_errno);
	}
}

static bool
is_at_mark(const struct flow_end *src)
{
	int at_mark = 0;

	return ioctl(src->fd, SIOCATMARK, &at_mark) == 0 && at_mark != 0;
}

/*
 * Whether there is nothing to read, and no end. Then recv() is not asked: a
 * byte that comes in between would be read without a look whether it is urgent.
 * Behind an end none comes.
 */
static bool
is_drained(const struct flow_end *src)
{
	int n = 1;

	return !src->hung_up && !src->failed &&
	    ioctl(src->fd, FIONREAD, &n) == 0 && n == 0;
}

/* Until the next edge. */
static enum flow_result
stop_reading(struct flow_end *src)
{
	src->readable = false;
	src->mark = FLOW_MARK_NONE;
	return FLOW_WAITS;
}

/* recv() says 0: the source's end, or an error that was told before. */
static enum flow_result
read_nothing(struct flow *f, const struct flow_end *src, int *ret_errno)
{
	if (src->spent) {
		*ret_errno = ECONNRESET;
		return FLOW_READ_FAILED;
	}
	f->end_read = true;
	return FLOW_BUSY;
}

/*
 * A short read has emptied the socket: the next byte is a new edge. Not so an
 * end that came before, which raises none, nor what is behind an urgent byte,
 * where reads stop. One that epoll has not told us of yet is an edge to come.
 */
static void
note_amount(struct flow *f, struct flow_end *src, size_t n, size_t asked)
{
	if (n == asked) {
		if (asked == FLOW_SCRATCH_BYTES &&
		    f->full_reads < FLOW_BULK_READS)
			f->full_reads++;
		/* It goes on without an edge that would tell. */
		if (src->mark == FLOW_MARK_NONE)
			src->mark = FLOW_MARK_MAYBE;
		return;
	}
	f->full_reads = 0;
	if (!src->hung_up && !src->failed && src->mark == FLOW_MARK_NONE)
		src->readable = false;
}

/* What read_once() is to get, and has got: bytes in the scratch buffer. */
struct got {
	size_t most;
	size_t n;    /* 0: none */
	bool urgent; /* it is one, and has the mark */
};

/*
 * One read into the scratch buffer: FLOW_BUSY with *got in it. An urgent
 * byte is read alone.
 */
static enum flow_result
read_once(struct flow *f, struct flow_end *src, const struct flow_tools *tools,
    struct got *got, int *ret_errno)
{
	size_t asked = got->most;
	bool at_mark = false;
	ssize_t n;

	if (src->mark != FLOW_MARK_NONE || src->asks) {
		if (is_drained(src))
			return stop_reading(src);
		at_mark = is_at_mark(src);
		if (!at_mark && src->mark == FLOW_MARK_MAYBE)
			src->mark = FLOW_MARK_NONE;
	}
	if (at_mark)
		asked = 1;
	n = receive_now(src->fd, tools->scratch, asked);
	if (n == -1 && errno == EINTR)
		return FLOW_BUSY;
	if (n == -1 && errno == EAGAIN)
		return stop_reading(src);
	if (n == -1)
		return fail(src, FLOW_READ_FAILED, ret_errno);
	if (n == 0)
		return read_nothing(f, src, ret_errno);
	if (at_mark)
		src->mark = FLOW_MARK_MAYBE; /* another one */
	else
		note_amount(f, src, (size_t)n, asked);
	got->n = (size_t)n;
	got->urgent = at_mark;
	return FLOW_BUSY;
}

/* Reads once and sends it on. FLOW_BUSY: there may be more. */
static enum flow_result
copy_once(struct flow *f, struct flow_end *src, struct flow_end *dst,
    const struct flow_tools *tools, int *ret_errno)
{
	struct got got = { .most = FLOW_SCRATCH_BYTES };
	ssize_t sent;
	enum flow_result r = read_once(f, src, tools, &got, ret_errno);

	if (r != FLOW_BUSY || got.n == 0)
		return r;
	sent = send_some(dst, tools->scratch, got.n, got.urgent);
	if (sent == -1)
		return fail(dst, FLOW_WRITE_FAILED, ret_errno);
	f->bytes += (uint64_t)sent;
	if ((size_t)sent < got.n &&
	    flow_hold(
	        f, tools->scratch + sent, got.n - (size_t)sent, got.urgent) < 0)
		return FLOW_NO_MEMORY;
	return FLOW_BUSY;
}

enum flow_result
flow_prefetch(struct flow *f, struct flow_end *src,
    const struct flow_tools *tools, int *ret_errno)
{
	struct got got = { .most = PREFETCH_BYTES };
	enum flow_result r = read_once(f, src, tools, &got, ret_errno);

	if (r != FLOW_BUSY)
		return r;
	if (f->end_read)
		return FLOW_ENDED;
	if (got.n == 0)
		return FLOW_WAITS; /* interrupted: its edge is not lost */
	return flow_hold(f, tools->scratch, got.n, got.urgent) < 0
	    ? FLOW_NO_MEMORY
	    : FLOW_BUSY;
}

/* A splice stops at an urgent byte for good. */
static bool
may_splice(const struct flow *f, const struct flow_end *src)
{
	return f->full_reads == FLOW_BULK_READS && !f->no_splice &&
	    src->mark != FLOW_MARK_AHEAD;
}

/* One step: what is held first, and nothing is read while anything is. */
static enum flow_result
step(struct flow *f, struct flow_end *src, struct flow_end *dst,
    const struct flow_tools *tools, int *ret_errno)
{
	if (f->held != NULL)
		return dst->writable ? empty_held(f, dst, ret_errno)
		                     : FLOW_WAITS;
	if (f->pipe != NULL && f->pipe->bytes > 0)
		return dst->writable ? empty_pipe(f, dst, ret_errno)
		                     : FLOW_WAITS;
	if (f->end_read)
		return FLOW_ENDED;
	if (!src->readable)
		return FLOW_WAITS;
	if (may_splice(f, src))
		return fill_pipe(f, src, dst, tools->pipes, ret_errno);
	return copy_once(f, src, dst, tools, ret_errno);
}

enum flow_result
flow_pump(struct flow *f, struct flow_end *src, struct flow_end *dst,
    const struct flow_tools *tools, int *ret_errno)
{
	const uint64_t enough = f->bytes + tools->turn_bytes;
	enum flow_result r;

	do
		r = step(f, src, dst, tools, ret_errno);
	while (r == FLOW_BUSY && f->bytes < enough);
	if (f->pipe != NULL && f->pipe->bytes == 0)
		give_pipe(f, tools->pipes);
	else if (f->pipe != NULL)
		pipes_wait(tools->pipes, f->pipe, f);
	return r;
}

int
flow_pass_end(struct flow *f, struct flow_end *dst)
{
	if (!f->end_passed && shutdown(dst->fd, SHUT_WR) == -1)
		/* Not connected any more: its reset is not read yet. */
		return errno == ENOTCONN ? -ECONNRESET : -errno;
	f->end_passed = true;
	return 0;
}

void
flow_fini(struct flow *f, struct pipes *pipes)
{
	free_held(f);
	give_pipe(f, pipes);
}

#include "proxy/flow.h"

#include "proxy/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * One turn: about a quarter of a millisecond of copying. More would let one
 * bulk connection delay all others of its thread.
 */
#define TURN_BYTES (1024 * 1024)

/* A splice that brings less than this is no bulk any more. */
#define SPLICE_LEAST (16 * 1024)

/*
 * Sends; what does not fit is left over and `writable` cleared, so that the
 * next edge is waited for. Returns bytes taken or -errno.
 */
static ssize_t
send_some(struct flow_end *dst, const uint8_t *p, size_t len)
{
	ssize_t n;

	do
		n = send(dst->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		n = 0;
	if (n == -1)
		return -errno;
	if ((size_t)n < len)
		dst->writable = false;
	return n;
}

/* Keeps a private copy of what a send left over. */
static int
hold(struct flow *f, const uint8_t *p, size_t len)
{
	f->held = malloc(len);
	if (f->held == NULL)
		return -ENOMEM;
	memcpy(f->held, p, len);
	f->held_pos = 0;
	f->held_len = (uint32_t)len;
	return 0;
}

static void
free_held(struct flow *f)
{
	free(f->held);
	f->held = NULL;
	f->held_pos = f->held_len = 0;
}

static void
give_pipe(struct flow *f, struct pipes *pipes)
{
	if (f->pipe != NULL)
		pipes_give(pipes, f->pipe);
	f->pipe = NULL;
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
	ssize_t n =
	    send_some(dst, f->held + f->held_pos, f->held_len - f->held_pos);

	if (n < 0) {
		*ret_errno = (int)-n;
		return FLOW_WRITE_FAILED;
	}
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
			return FLOW_WAITS;
		}
		if (n == -1) {
			*ret_errno = errno;
			return FLOW_WRITE_FAILED;
		}
		f->pipe->bytes -= (size_t)n;
		f->bytes += (uint64_t)n;
	}
	return FLOW_BUSY;
}

/*
 * Fills the empty pipe. Since it is empty, EAGAIN can only mean that the
 * socket is.
 */
static enum flow_result
fill_pipe(
    struct flow *f, struct flow_end *src, struct pipes *pipes, int *ret_errno)
{
	ssize_t n;

	if (f->pipe == NULL)
		f->pipe = pipes_take(pipes);
	if (f->pipe == NULL) {
		f->full_reads = 0; /* copy for a while */
		return FLOW_BUSY;
	}
	do
		n = splice(src->fd, NULL, f->pipe->in, NULL, f->pipe->size,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n == -1 && errno == EINTR);
	if (n > 0) {
		f->pipe->bytes = (size_t)n;
		if (n < SPLICE_LEAST)
			f->full_reads = 0;
		return FLOW_BUSY;
	}
	if (n == 0) {
		f->end_read = true;
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
		*ret_errno = errno;
		return FLOW_READ_FAILED;
	}
}

/* One read into the scratch buffer: FLOW_BUSY with *ret_n bytes in it. */
static enum flow_result
read_once(struct flow *f, struct flow_end *src, const struct flow_tools *tools,
    size_t *ret_n, int *ret_errno)
{
	ssize_t n;

	*ret_n = 0;
	n = recv(src->fd, tools->scratch, FLOW_SCRATCH_BYTES, MSG_DONTWAIT);
	if (n == -1 && errno == EINTR)
		return FLOW_BUSY;
	if (n == -1 && errno == EAGAIN) {
		src->readable = false;
		return FLOW_WAITS;
	}
	if (n == -1) {
		*ret_errno = errno;
		return FLOW_READ_FAILED;
	}
	if (n == 0) {
		f->end_read = true;
		return FLOW_BUSY;
	}
	if (n == FLOW_SCRATCH_BYTES) {
		if (f->full_reads < FLOW_BULK_READS)
			f->full_reads++;
	} else {
		f->full_reads = 0;
		/*
		 * A short read has emptied the socket: the next byte is a new
		 * edge. Not so an end that came before: it raises none.
		 */
		if (!src->hung_up && !src->failed)
			src->readable = false;
	}
	*ret_n = (size_t)n;
	return FLOW_BUSY;
}

/* Reads once and sends it on. FLOW_BUSY: there may be more. */
static enum flow_result
copy_once(struct flow *f, struct flow_end *src, struct flow_end *dst,
    const struct flow_tools *tools, int *ret_errno)
{
	size_t n;
	ssize_t sent;
	enum flow_result r = read_once(f, src, tools, &n, ret_errno);

	if (r != FLOW_BUSY || n == 0)
		return r;
	sent = send_some(dst, tools->scratch, n);
	if (sent < 0) {
		*ret_errno = (int)-sent;
		return FLOW_WRITE_FAILED;
	}
	f->bytes += (uint64_t)sent;
	if ((size_t)sent < n &&
	    hold(f, tools->scratch + sent, n - (size_t)sent) < 0)
		return FLOW_NO_MEMORY;
	return FLOW_BUSY;
}

enum flow_result
flow_prefetch(struct flow *f, struct flow_end *src,
    const struct flow_tools *tools, int *ret_errno)
{
	size_t n;
	enum flow_result r = read_once(f, src, tools, &n, ret_errno);

	if (r != FLOW_BUSY)
		return r;
	if (f->end_read)
		return FLOW_ENDED;
	if (n == 0)
		return FLOW_WAITS; /* interrupted: its edge is not lost */
	return hold(f, tools->scratch, n) < 0 ? FLOW_NO_MEMORY : FLOW_BUSY;
}

static bool
is_bulk(const struct flow *f)
{
	return f->full_reads == FLOW_BULK_READS && !f->no_splice;
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
	if (f->end_read && src->failed) {
		/* After an error recv says 0: that is no end. */
		*ret_errno = ECONNRESET;
		return FLOW_READ_FAILED;
	}
	if (f->end_read)
		return FLOW_ENDED;
	if (!src->readable)
		return FLOW_WAITS;
	if (is_bulk(f))
		return fill_pipe(f, src, tools->pipes, ret_errno);
	return copy_once(f, src, dst, tools, ret_errno);
}

enum flow_result
flow_pump(struct flow *f, struct flow_end *src, struct flow_end *dst,
    const struct flow_tools *tools, int *ret_errno)
{
	const uint64_t enough = f->bytes + TURN_BYTES;
	enum flow_result r;

	do
		r = step(f, src, dst, tools, ret_errno);
	while (r == FLOW_BUSY && f->bytes < enough);
	if (f->pipe != NULL && f->pipe->bytes == 0)
		give_pipe(f, tools->pipes);
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

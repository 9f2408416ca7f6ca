#include "core/reply.h"

#include "core/fd.h"
#include "core/json_doc.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PATIENCE_S 5.

static unsigned n_waiting;

struct reply {
	int fd;
	char *text;
	size_t pos, len;
	bool waits; /* for its reader */
	ev_io writable;
	ev_timer patience;
};

static void
finish(struct ev_loop *loop, struct reply *r)
{
	ev_io_stop(loop, &r->writable);
	n_waiting -= r->waits;
	ev_timer_stop(loop, &r->patience);
	/* Whoever passed it to us may hold it still: its caller shall not. */
	(void)shutdown(r->fd, SHUT_RDWR);
	fd_close(&r->fd);
	free(r->text);
	free(r);
}

/* Returns whether there is nothing more to do: all is written, or cannot be. */
static bool
is_through(struct reply *r)
{
	ssize_t n = send(r->fd, r->text + r->pos, r->len - r->pos,
	    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1)
		return errno != EAGAIN && errno != EINTR;
	r->pos += (size_t)n;
	return r->pos == r->len;
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct reply *r = CONTAINER_OF(io, struct reply, writable);

	if (is_through(r))
		finish(loop, r); /* nothing of it is used after this */
}

static void
on_patience(struct ev_loop *loop, ev_timer *t, int revents)
{
	finish(loop, CONTAINER_OF(t, struct reply, patience));
}

void
reply_send(struct ev_loop *loop, int *fd, char *text)
{
	struct reply *r = calloc(1, sizeof(*r));

	if (r == NULL || text == NULL) {
		free(r);
		free(text);
		fd_close(fd);
		return;
	}
	r->fd = fd_take(fd);
	r->text = text;
	r->len = strlen(text);
	ev_io_init(&r->writable, on_writable, r->fd, EV_WRITE);
	ev_timer_init(&r->patience, on_patience, PATIENCE_S, 0.);
	/*
	 * Nearly always all of it fits at once. Whoever passed us the socket
	 * may not have closed his own yet: epoll would tell of ours even after
	 * we have closed it, and the loop would have to make its set anew.
	 */
	if (is_through(r)) {
		finish(loop, r);
		return;
	}
	ev_io_start(loop, &r->writable);
	ev_timer_start(loop, &r->patience);
	r->waits = true;
	n_waiting++;
}

unsigned
reply_waiting(void)
{
	return n_waiting;
}

void
reply_error(struct ev_loop *loop, int *fd, const char *text)
{
	reply_error_as(loop, fd, text, REPLY_PLAIN);
}

void
reply_error_as(
    struct ev_loop *loop, int *fd, const char *text, enum reply_odd odd)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = json_doc_new();

	json_doc_put_string(doc, "error", text);
	if (odd == REPLY_BUSY)
		json_doc_put_bool(doc, "busy", true);
	if (odd == REPLY_UNKNOWN)
		json_doc_put_bool(doc, "unknown", true);
	reply_send(loop, fd, json_doc_text(doc, false));
}

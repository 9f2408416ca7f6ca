#include "hapair/supervisor/event_feed.h"

#include "core/fd.h"
#include "core/reply.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READERS_MAX 16

/* More than all events that are kept. */
#define WAITS_MAX ((size_t)2 * 1024 * 1024)

struct event_feed_reader {
	struct event_feed *feed; /* borrowed: the one it is in */
	int fd;
	bool kept;
	char *text; /* what it has not taken yet, from `pos` on; malloc'd */
	size_t pos, len, room;
	ev_io writable; /* while something waits */
	TAILQ_ENTRY(event_feed_reader) all;
};

static void
let_go(struct event_feed_reader *r)
{
	struct event_feed *f = r->feed;

	ev_io_stop(f->loop, &r->writable);
	TAILQ_REMOVE(&f->readers, r, all);
	f->n--;
	f->n_kept -= r->kept;
	fd_close(&r->fd);
	free(r->text);
	free(r);
}

/* False: it has gone. */
static bool
write_some(struct event_feed_reader *r)
{
	while (r->pos < r->len) {
		const ssize_t n = send(r->fd, r->text + r->pos, r->len - r->pos,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
			ev_io_start(r->feed->loop, &r->writable);
			return true;
		}
		if (n == -1)
			return false;
		r->pos += (size_t)n;
	}
	ev_io_stop(r->feed->loop, &r->writable);
	free(r->text);
	r->text = NULL;
	r->pos = r->len = r->room = 0;
	return true;
}

static void
on_writable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct event_feed_reader *r =
	    CONTAINER_OF(io, struct event_feed_reader, writable);

	if (!write_some(r))
		let_go(r);
}

/*
 * Room for so many bytes more. What waits is moved to the front only where that
 * gives half of it back, so that each byte is copied a few times at most.
 */
static bool
have_room(struct event_feed_reader *r, size_t more)
{
	const size_t left = r->len - r->pos;
	size_t room = 2 * (left + more);
	char *text;

	if (r->room - r->len >= more)
		return true;
	if (r->pos > 0 && r->pos >= left && r->room - left >= more) {
		memmove(r->text, r->text + r->pos, left);
		r->pos = 0;
		r->len = left;
		return true;
	}
	text = malloc(room);
	if (text == NULL)
		return false;
	if (left > 0)
		memcpy(text, r->text + r->pos, left);
	free(r->text);
	r->text = text;
	r->pos = 0;
	r->len = left;
	r->room = room;
	return true;
}

/* False: it has gone, or too much waits for it. */
static bool
tell(struct event_feed_reader *r, const char *line)
{
	const size_t len = strlen(line);

	if (r->len - r->pos + len > WAITS_MAX || !have_room(r, len))
		return false;
	memcpy(r->text + r->len, line, len);
	r->len += len;
	return write_some(r);
}

void
event_feed_init(struct event_feed *f, struct ev_loop *loop)
{
	*f = (struct event_feed){ .loop = loop };
	TAILQ_INIT(&f->readers);
}

void
event_feed_fini(struct event_feed *f)
{
	struct event_feed_reader *r;

	while ((r = TAILQ_FIRST(&f->readers)) != NULL)
		let_go(r);
}

bool
event_feed_has_readers(const struct event_feed *f)
{
	return f->n > 0;
}

/* One whose answer is whole so far is told why it ends. */
static void
send_off(struct event_feed_reader *r)
{
	static const char line[] =
	    "{\"error\": \"others follow the events, and there are too many: ask once more\"}\n";

	if (r->len == 0)
		(void)!send(
		    r->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	let_go(r);
}

/* Whose other end is closed; and the oldest, where none is. */
static void
make_room(struct event_feed *f)
{
	struct event_feed_reader *r, *next;

	for (r = TAILQ_FIRST(&f->readers); r != NULL; r = next) {
		struct pollfd p = { .fd = r->fd };

		next = TAILQ_NEXT(r, all);
		if (poll(&p, 1, 0) == 1)
			let_go(r);
	}
	if (f->n - f->n_kept < READERS_MAX)
		return;
	r = TAILQ_FIRST(&f->readers);
	while (r->kept)
		r = TAILQ_NEXT(r, all);
	send_off(r);
}

void
event_feed_join(struct event_feed *f, int *socket, char *text, bool kept)
{
	struct event_feed_reader *r = calloc(1, sizeof(*r));

	if (r == NULL || text == NULL) {
		free(r);
		free(text);
		reply_error(f->loop, socket, "out of memory");
		return;
	}
	make_room(f);
	r->feed = f;
	r->fd = fd_take(socket);
	r->kept = kept;
	r->text = text;
	r->len = r->room = strlen(text);
	ev_io_init(&r->writable, on_writable, r->fd, EV_WRITE);
	TAILQ_INSERT_TAIL(&f->readers, r, all);
	f->n++;
	f->n_kept += kept;
	if (!write_some(r))
		let_go(r);
}

void
event_feed_tell(struct event_feed *f, const char *line)
{
	struct event_feed_reader *r, *next;

	for (r = TAILQ_FIRST(&f->readers); r != NULL; r = next) {
		next = TAILQ_NEXT(r, all);
		if (!tell(r, line))
			let_go(r);
	}
}

#include "core/program_words.h"

#include "core/fd.h"
#include "core/timeout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a turn, and then a rest: some 6 MB a second. */
#define READ_BYTES 65536
#define REST_S 0.01

struct program_words {
	struct ev_loop *loop;
	int fd;
	ev_io readable;
	ev_timer rest;
	bool left;
	size_t len; /* of the line that has not ended */
	char line[PROGRAM_WORDS_MAX + 1];
	char last[PROGRAM_WORDS_MAX + 1];
};

/* So many bytes are one character, after RFC 3629; 0: they are none. */
static size_t
character(const unsigned char *s, size_t left)
{
	const size_t len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be; of a pair of UTF-16; beyond the last. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Another encoding, or a character that is cut: JSON would have none of it. */
static void
clean(char *line, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = character((const unsigned char *)line + i, len - i);
		if (n == 0)
			line[i] = '?';
		n = n > 0 ? n : 1;
	}
}

static void
end_line(struct program_words *w)
{
	w->line[w->len] = '\0';
	clean(w->line, w->len);
	if (w->line[strspn(w->line, " ")] != '\0')
		memcpy(w->last, w->line, w->len + 1);
	w->len = 0;
}

static void
take(struct program_words *w, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)bytes[i];

		if (c == '\n' || c == '\r')
			end_line(w);
		else if (w->len < PROGRAM_WORDS_MAX)
			w->line[w->len++] =
			    c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
}

/* False: nobody is left to print. */
static bool
read_on(struct program_words *w)
{
	char bytes[4096];

	for (size_t all = 0; all < READ_BYTES;) {
		ssize_t n = read(w->fd, bytes, sizeof(bytes));

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == -1 && errno == EAGAIN;
		take(w, bytes, (size_t)n);
		all += (size_t)n;
	}
	ev_io_stop(w->loop, &w->readable);
	timeout_arm(w->loop, &w->rest, REST_S);
	return true;
}

static void
stop(struct program_words *w)
{
	ev_io_stop(w->loop, &w->readable);
	ev_timer_stop(w->loop, &w->rest);
}

static void
end(struct program_words *w)
{
	stop(w);
	fd_close(&w->fd);
	free(w);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct program_words *w =
	    CONTAINER_OF(io, struct program_words, readable);

	if (read_on(w))
		return;
	stop(w);
	if (w->left)
		end(w);
}

static void
on_rested(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct program_words *w = CONTAINER_OF(t, struct program_words, rest);

	ev_io_start(loop, &w->readable);
}

struct program_words *
program_words_new(struct ev_loop *loop, int *ret_fd)
{
	struct program_words *w = calloc(1, sizeof(*w));
	int ends[2];

	if (w == NULL || pipe2(ends, O_CLOEXEC) == -1) {
		free(w);
		return NULL;
	}
	w->loop = loop;
	w->fd = ends[0];
	ev_init(&w->rest, on_rested);
	ev_io_init(&w->readable, on_readable, w->fd, EV_READ);
	if (fd_set_nonblock(w->fd) < 0) {
		fd_close(&ends[1]);
		end(w);
		return NULL;
	}
	ev_io_start(loop, &w->readable);
	*ret_fd = ends[1];
	return w;
}

const char *
program_words_last(struct program_words *w)
{
	(void)read_on(w);
	end_line(w);
	return w->last;
}

void
program_words_leave(struct program_words *w)
{
	if (w == NULL)
		return;
	w->left = true;
	if (!ev_is_active(&w->readable) && !ev_is_active(&w->rest))
		end(w);
}

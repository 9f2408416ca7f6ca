#include "hapair/cli/client_lines.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/disarm.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

/* No line of ours is as long. */
#define LINE_MAX ((size_t)64 * 1024)

/*
 * Between two readings of a list, which comes in small pieces: to be woken for
 * each costs as much as to read it. So much of it waits in the socket.
 */
static const struct timespec REST = { .tv_nsec = 3 * 1000 * 1000 };

#define BROKE_OFF "the daemon's answer broke off: ask once more"

struct lines {
	const struct client *client;
	const struct client_lines *to;
	bool over;
	int status; /* where it is over */
	size_t len;
	char buf[LINE_MAX];
};

static void
end(struct lines *l, int status)
{
	l->over = true;
	l->status = status;
}

static void
take_line(struct lines *l, const char *text, size_t len)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;

	if (l->to->raw != NULL && l->to->raw(l->to->arg, text, len))
		return;
	d = json_doc_parse(text, len);
	if (d == NULL) {
		end(l,
		    command_refuse(l->client->command, COMMAND_FAILED,
		        "the daemon's answer cannot be read"));
		return;
	}
	if (disarm_answer(d, false) < 0)
		end(l,
		    command_refuse(
		        l->client->command, COMMAND_FAILED, "out of memory"));
	else if (client_is_odd(l->client, d))
		end(l, COMMAND_FAILED);
	else if (*json_doc_string(d, "error") != '\0')
		end(l,
		    command_refuse(l->client->command, COMMAND_FAILED, "%s",
		        json_doc_string(d, "error")));
	else if (json_doc_get(d, "end") != NULL)
		end(l, COMMAND_DONE);
	else
		l->to->call(l->to->arg, d);
}

/* What has come so far, and what is left of it. At its end also the rest. */
static void
take(struct lines *l, bool ended)
{
	size_t at = 0;
	const char *newline;

	while (!l->over &&
	    (newline = memchr(l->buf + at, '\n', l->len - at)) != NULL) {
		take_line(l, l->buf + at, (size_t)(newline - l->buf) - at);
		at = (size_t)(newline - l->buf) + 1;
	}
	if (!l->over && ended && at < l->len)
		take_line(l, l->buf + at, l->len - at);
	memmove(l->buf, l->buf + at, l->len - at);
	l->len -= at;
}

/* Returns 0 where it is over, or -errno. */
static int
read_all(struct lines *l, int fd)
{
	while (!l->over) {
		const ssize_t n =
		    recv(fd, l->buf + l->len, LINE_MAX - l->len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		l->len += (size_t)n;
		take(l, n == 0);
		if (n == 0 && !l->over)
			return -ECONNRESET;
		if (l->len == LINE_MAX)
			return -EFBIG;
		if (n > 0 && !l->over && !l->to->for_ever)
			(void)nanosleep(&REST, NULL);
	}
	return 0;
}

static int
ask_at(struct lines *l, const char *socket, const char *request)
{
	CLEANUP(fd_close) int fd = client_connect(socket);
	const struct timeval none = { 0 };
	int e = fd == -EAGAIN ? -ETIMEDOUT : fd;

	if (e >= 0)
		e = client_send(fd, request);
	if (e == 0 && l->to->for_ever &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)) == -1)
		e = -errno;
	if (e == 0 || e == -EPIPE)
		e = read_all(l, fd);
	if (e == -ECONNRESET && l->client->odd != NULL) {
		/* The relay that was asked is being replaced, or has died. */
		l->client->odd->busy = true;
		strcpy(l->client->odd->text, BROKE_OFF);
		return COMMAND_FAILED;
	}
	if (e == -ECONNRESET)
		return command_refuse(
		    l->client->command, COMMAND_FAILED, "%s", BROKE_OFF);
	return e < 0 ? client_refuse_unreached(l->client, socket, e)
	             : l->status;
}

int
client_lines_ask(
    const struct client *c, const char *request, const struct client_lines *to)
{
	struct lines l = { .client = c, .to = to };
	char socket[DAEMON_PLACE_MAX];
	int status;

	if (c->socket != NULL)
		return ask_at(&l, c->socket, request);
	status = daemon_place_find(c->command, c->path, true, socket);
	return status == COMMAND_DONE ? ask_at(&l, socket, request) : status;
}

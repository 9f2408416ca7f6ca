#include "hapair/cli/client.h"

#include "core/fd.h"
#include "core/json_doc.h"
#include "core/mono.h"
#include "core/msg.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"
#include "hapair/cli/disarm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

/* For a place in its queue, for the request, for each piece of the answer. */
#define PATIENCE_S 5
/* For all of it: who says a byte a second is not waited for, either. */
#define ANSWER_S 20
/* By then the supervisor knows that a relay has ended, and answers itself. */
static const struct timespec AGAIN = { .tv_nsec = 300 * 1000000 };
/* The status of 50,000 servers; in memory a document needs ten times that. */
#define ANSWER_MAX ((size_t)32 * 1024 * 1024)

int
client_connect(const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	/* The first is connect()'s, too: a full queue would be waited for. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	        sizeof(patience)) == -1 ||
	    setsockopt(
	        fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == -1)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		return -errno;
	return fd_take(&fd);
}

/* Without a SIGPIPE where nobody is there any more. */
static int
send_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n == -1 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int
client_send(int fd, const char *request)
{
	char line[MSG_REQUEST_MAX + 1];
	const int n = snprintf(line, sizeof(line), "%s\n", request);

	return send_all(fd, line, (size_t)n);
}

/* Returns 0 with the answer, which the caller frees, or -errno. */
static int
exchange(const struct client *c, const char *socket, const char *request,
    char **ret_text, size_t *ret_len)
{
	CLEANUP(fd_close) int fd = client_connect(socket);
	const struct mono until =
	    mono_add_ms(mono_now(), (ANSWER_S + (int64_t)c->patience_s) * 1000);
	const struct timeval longer = { .tv_sec = c->patience_s };
	int e;

	if (fd == -EAGAIN)
		return -ETIMEDOUT;
	if (fd < 0)
		return fd_take(&fd);
	if (c->patience_s > 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longer, sizeof(longer)) ==
	        -1)
		return -errno;
	e = client_send(fd, request);
	/* Who has too many callers says so, and does not listen. */
	if (e == 0 || e == -EPIPE)
		e = fd_read_all_until(fd, ANSWER_MAX, until, ret_text, ret_len);
	/* Who dies with the request says nothing, in one way or the other. */
	if (e == 0 && *ret_len == 0)
		return -ECONNRESET;
	return e == -EAGAIN ? -ETIMEDOUT : e;
}

/* An end of the connection where an answer should be, or in the midst of it. */
static bool
is_broken_off(int e, const struct json_doc *answer)
{
	return e == -ECONNRESET || (e == 0 && answer == NULL);
}

/* Returns 0, also with NULL for an answer that is none; or -errno. */
static int
try(const struct client *c, const char *socket, const char *request,
    struct json_doc **ret_answer)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len = 0;
	const int e = exchange(c, socket, request, &text, &len);

	*ret_answer = e == 0 ? json_doc_parse(text, len) : NULL;
	return e;
}

static int
try_again(const struct client *c, const char *socket, const char *request,
    struct json_doc **ret_answer)
{
	(void)nanosleep(&AGAIN, NULL);
	return try(c, socket, request, ret_answer);
}

/* `e` 0: by an answer that is none. */
static int
refuse_broken(const struct client *c, int e)
{
	const char *text = "the daemon's answer cannot be read";

	if (c->asks_again)
		text =
		    "the daemon runs, but its relay ended twice before it had answered; it is started again each time: ask once more, and look into the log for why it ends";
	else if (e < 0)
		text =
		    "the daemon's process that was asked ended before it answered, and may have done it or not: look at `hapair status`, and ask again";
	return command_refuse(c->command, COMMAND_FAILED, "%s", text);
}

int
client_refuse_unreached(const struct client *c, const char *socket, int e)
{
	const char *more = "";

	if (e == -ETIMEDOUT && c->asks_again)
		more =
		    "; a daemon is there and does not answer: look into its log";
	else if (e == -ETIMEDOUT)
		more =
		    "; a daemon is there and does not answer, and may have done it or not: look into its log";
	else if (e == -ENOENT || e == -ECONNREFUSED)
		more = "; no daemon runs here";
	return command_refuse(c->command, COMMAND_UNREACHABLE, "%s: %s%s",
	    socket, strerror(-e), more);
}

bool
client_is_odd(const struct client *c, const struct json_doc *answer)
{
	struct client_odd *o = c->odd;

	if (o == NULL)
		return false;
	o->busy = json_doc_bool(answer, "busy");
	o->unknown = json_doc_bool(answer, "unknown");
	(void)snprintf(
	    o->text, sizeof(o->text), "%s", json_doc_string(answer, "error"));
	return o->busy || o->unknown;
}

int
client_exchange(
    const struct client *c, const char *request, struct json_doc **ret_answer)
{
	const int e = try(c, c->socket, request, ret_answer);

	return e == 0 && *ret_answer == NULL ? -EBADMSG : e;
}

int
client_locate(struct client *c, char *buf)
{
	int status = COMMAND_DONE;

	if (c->socket == NULL) {
		status = daemon_place_find(c->command, c->path, true, buf);
		c->socket = buf;
	}
	return status;
}

static int
ask_at(const struct client *c, const char *socket, const char *request,
    struct json_doc **ret_answer)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int e = try(c, socket, request, &d);

	if (c->asks_again && is_broken_off(e, d))
		e = try_again(c, socket, request, &d);
	if (is_broken_off(e, d))
		return refuse_broken(c, e);
	if (e == -EFBIG)
		return command_refuse(c->command, COMMAND_FAILED,
		    "the daemon's answer is longer than any of its own");
	if (e == 0 && (!c->keeps_text || *json_doc_string(d, "error") != '\0'))
		e = disarm_answer(d, c->has_lines);
	if (e < 0)
		return client_refuse_unreached(c, socket, e);
	if (client_is_odd(c, d))
		return COMMAND_FAILED;
	if (c->has_lines && json_doc_bool(d, "wrong")) {
		(void)fprintf(stderr, "%s\n", json_doc_string(d, "error"));
		return COMMAND_WRONG;
	}
	if (*json_doc_string(d, "error") != '\0')
		return command_refuse(c->command, COMMAND_FAILED, "%s",
		    json_doc_string(d, "error"));
	*ret_answer = d;
	d = NULL;
	return COMMAND_DONE;
}

int
client_ask(
    const struct client *c, const char *request, struct json_doc **ret_answer)
{
	char socket[DAEMON_PLACE_MAX];
	int status;

	if (c->socket != NULL)
		return ask_at(c, c->socket, request, ret_answer);
	/* What is wrong with a file that is to be read anew is the answer. */
	status = daemon_place_find(c->command, c->path, !c->has_lines, socket);
	return status == COMMAND_DONE ? ask_at(c, socket, request, ret_answer)
	                              : status;
}

struct json_doc *
client_ask_quietly(const struct client *c, const char *request)
{
	struct json_doc *d = NULL;

	if (c->socket == NULL || try(c, c->socket, request, &d) < 0)
		return NULL;
	if (*json_doc_string(d, "error") != '\0' ||
	    (!c->keeps_text && disarm_answer(d, false) < 0))
		json_doc_free_at(&d);
	return d;
}

int
client_run(struct client *c, int argc, char **argv)
{
	const struct command_option options[] = {
		{ 'c', .word = &c->path },
		{ 's', .word = &c->socket },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status =
	    command_parse(c->command, argc, argv, options, ARRAY_LEN(options));

	if (status == COMMAND_DONE)
		status = client_ask(c, c->command, &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

int
client_print_text(const struct json_doc *answer)
{
	return puts(json_doc_string(answer, "text")) < 0 || fflush(stdout) != 0
	    ? COMMAND_FAILED
	    : COMMAND_DONE;
}

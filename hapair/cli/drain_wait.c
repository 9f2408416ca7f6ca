#include "hapair/cli/drain_wait.h"

#include "config/schema/scalar.h"
#include "core/mono.h"
#include "core/msg.h"
#include "core/text/json_line.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/client_lingering.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"

#include <stdio.h>
#include <time.h>

/*
 * From one look to the next. Each is a list of all that the server has, and not
 * to be made one after the other where these are thousands: so ten times what
 * the last one took.
 */
#define REST_LEAST_MS 1000
#define REST_MOST_MS 30000
#define REST_LOOKS 10

static bool
count_raw(void *arg, const char *line, size_t len)
{
	static const char *const keys[] = { "id" };
	struct json_line_value id;

	if (!json_line_read(line, len, keys, 1, &id) || id.at == NULL)
		return false;
	++*(size_t *)arg;
	return true;
}

static void
count(void *arg, const struct json_doc *line)
{
	(void)line;
	++*(size_t *)arg;
}

/* Of one relay. Returns an exit status; busy: ask again. */
static int
count_of(const struct client *c, const char *request, size_t *left, bool *busy)
{
	const struct client_lines lines = {
		.raw = count_raw, .call = count, .arg = left
	};
	struct client_odd odd = { 0 };
	struct client at = *c;
	int status;

	at.odd = &odd;
	status = client_lines_ask(&at, request, &lines);
	/* A reload has taken the server out of the file. */
	if (odd.unknown)
		return COMMAND_DONE;
	*busy = *busy || odd.busy;
	return odd.busy ? COMMAND_DONE : status;
}

/* Of the relay that runs, and of those before whom a reload has left some. */
static int
count_all(const struct client *c, const char *server, size_t *left, bool *busy)
{
	char request[MSG_REQUEST_MAX], line[MSG_REQUEST_MAX];
	unsigned n = client_lingering_count(c);
	int status;

	*left = 0;
	*busy = false;
	(void)snprintf(request, sizeof(request), "connections %s", server);
	status = count_of(c, request, left, busy);
	for (unsigned i = 0; i < n && status == COMMAND_DONE; i++)
		status = count_of(
		    c, client_lingering_request(i, request, line), left, busy);
	/* One more now: what was counted has gone to and fro. */
	if (client_lingering_count(c) != n)
		*busy = true;
	return status;
}

static int
refuse(const struct client *c, const char *server, size_t left, uint64_t ms)
{
	char after[SCALAR_DURATION_TEXT];

	if (left == 0) /* of those who have answered */
		return command_refuse(c->command, COMMAND_FAILED,
		    "whether %s has a connection left cannot be told after %s: a relay is being replaced or started",
		    server, scalar_duration_text(ms, after));
	return command_refuse(c->command, COMMAND_FAILED,
	    "%s still has %zu connection%s after %s; `hapair kill %s` closes what is left",
	    server, left, left == 1 ? "" : "s", scalar_duration_text(ms, after),
	    server);
}

static void
rest(int64_t looked_ms, uint64_t left_ms)
{
	int64_t ms = looked_ms * REST_LOOKS;

	if (ms < REST_LEAST_MS)
		ms = REST_LEAST_MS;
	if (ms > REST_MOST_MS)
		ms = REST_MOST_MS;
	if ((uint64_t)ms > left_ms)
		ms = (int64_t)left_ms;
	(void)nanosleep(&(const struct timespec){ .tv_sec = ms / 1000,
	                    .tv_nsec = ms % 1000 * 1000000 },
	    NULL);
}

int
drain_wait(const struct client *c, const char *server, uint64_t most_ms)
{
	const struct mono began = mono_now();
	char socket[DAEMON_PLACE_MAX];
	struct client at = *c;
	/* Once: what is edited meanwhile does not lead to another daemon. */
	int status = client_locate(&at, socket);
	bool busy = false;
	size_t left;

	if (status != COMMAND_DONE)
		return status;
	for (;;) {
		const struct mono asked = mono_now();
		uint64_t spent_ms;

		status = count_all(&at, server, &left, &busy);
		if (status != COMMAND_DONE)
			return status;
		if (left == 0 && !busy)
			break;
		spent_ms = (uint64_t)mono_span_ms(began, mono_now());
		if (spent_ms >= most_ms)
			return refuse(c, server, left, most_ms);
		rest(mono_span_ms(asked, mono_now()), most_ms - spent_ms);
	}
	(void)printf("server %s has no connection any more\n", server);
	return fflush(stdout) != 0 ? COMMAND_FAILED : COMMAND_DONE;
}

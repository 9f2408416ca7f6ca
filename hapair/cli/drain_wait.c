#include "hapair/cli/drain_wait.h"

#include "core/mono.h"
#include "core/msg.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/client_lingering.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const struct timespec AGAIN = { .tv_sec = 1 };

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
	struct client_odd odd = { 0 };
	struct client at = *c;
	int status;

	at.odd = &odd;
	status = client_lines_ask(&at, request, false, count, left);
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
	if (left == 0) /* of those who have answered */
		return command_refuse(c->command, COMMAND_FAILED,
		    "whether %s has a connection left cannot be told after %" PRIu64
		    " s: a relay is being replaced or started",
		    server, ms / 1000);
	return command_refuse(c->command, COMMAND_FAILED,
	    "%s still has %zu connection%s after %" PRIu64
	    " s; `hapair kill %s` closes what is left",
	    server, left, left == 1 ? "" : "s", ms / 1000, server);
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
		status = count_all(&at, server, &left, &busy);
		if (status != COMMAND_DONE)
			return status;
		if (left == 0 && !busy)
			break;
		if ((uint64_t)mono_span_ms(began, mono_now()) >= most_ms)
			return refuse(c, server, left, most_ms);
		(void)nanosleep(&AGAIN, NULL);
	}
	(void)printf("server %s has no connection any more\n", server);
	return fflush(stdout) != 0 ? COMMAND_FAILED : COMMAND_DONE;
}

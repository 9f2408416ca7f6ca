#include "hapair/cli/drain_wait.h"

#include "core/mono.h"
#include "core/msg.h"
#include "hapair/cli/client_lines.h"
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

int
drain_wait(const struct client *c, const char *server, uint64_t most_ms)
{
	const struct mono began = mono_now();
	char request[MSG_REQUEST_MAX], socket[DAEMON_PLACE_MAX];
	struct client at = *c;
	int status = COMMAND_DONE;
	size_t left;

	/* Once: what is edited meanwhile does not lead to another daemon. */
	if (at.socket == NULL)
		status = daemon_place_find(c->command, c->path, true, socket);
	if (status != COMMAND_DONE)
		return status;
	at.socket = at.socket != NULL ? at.socket : socket;
	(void)snprintf(request, sizeof(request), "connections %s", server);
	for (;;) {
		left = 0;
		status = client_lines_ask(&at, request, false, count, &left);
		if (status != COMMAND_DONE)
			return status;
		if (left == 0)
			break;
		if ((uint64_t)mono_span_ms(began, mono_now()) >= most_ms)
			return command_refuse(c->command, COMMAND_FAILED,
			    "%s still has %zu connection%s after %" PRIu64
			    " s; `hapair kill %s` closes what is left",
			    server, left, left == 1 ? "" : "s", most_ms / 1000,
			    server);
		(void)nanosleep(&AGAIN, NULL);
	}
	(void)printf("server %s has no connection any more\n", server);
	return fflush(stdout) != 0 ? COMMAND_FAILED : COMMAND_DONE;
}

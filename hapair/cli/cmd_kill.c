#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client.h"
#include "hapair/cli/client_lingering.h"
#include "hapair/cli/command.h"
#include "hapair/cli/daemon_place.h"

#include <stdio.h>
#include <string.h>

/* Where nothing is closed nobody needs to know it twice. */
static int
tell(const struct json_doc *answer, bool *closed)
{
	*closed = *closed || json_doc_int(answer, "closed") > 0;
	return client_print_text(answer);
}

/* Of the relays before, whom a reload has left some. */
static int
kill_lingering(const struct client *quiet, const char *request, bool *closed)
{
	const unsigned n = client_lingering_count(quiet);
	char line[MSG_REQUEST_MAX];
	int status = COMMAND_DONE;

	for (unsigned i = 0; i < n && status == COMMAND_DONE; i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;

		*quiet->odd = (struct client_odd){ 0 };
		status = client_ask(
		    quiet, client_lingering_request(i, request, line), &d);
		if (status == COMMAND_DONE && json_doc_int(d, "closed") > 0)
			status = tell(d, closed);
		else if (quiet->odd->unknown)
			status = COMMAND_DONE;
	}
	return status;
}

/* What the relay that runs does not know is another's, perhaps. */
static int
kill_all(const struct client *client, const char *request)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	struct client_odd odd = { 0 }, other = { 0 };
	struct client quiet = *client;
	bool closed = false;
	int status;

	quiet.odd = &odd;
	status = client_ask(&quiet, request, &d);
	if (status == COMMAND_DONE)
		status = tell(d, &closed);
	else if (odd.busy || !odd.unknown)
		return odd.busy
		    ? command_refuse("kill", COMMAND_FAILED, "%s", odd.text)
		    : status;
	quiet.odd = &other;
	if (status == COMMAND_DONE || odd.unknown)
		status = kill_lingering(&quiet, request, &closed);
	if (odd.unknown && status == COMMAND_DONE && !closed)
		return command_refuse("kill", COMMAND_FAILED, "%s", odd.text);
	return status;
}

int
cmd_kill(int argc, char **argv)
{
	struct client client = { .command = "kill",
		.path = COMMAND_CONFIG_PATH };
	const char *what = NULL;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ .word = &what },
	};
	char request[MSG_REQUEST_MAX], socket[DAEMON_PLACE_MAX];
	int status =
	    command_parse("kill", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if (what == NULL)
		return command_misused("kill",
		    "expected an ID of `hapair connections`, or SERVICE/NAME for all connections of a server");
	if (*what == '\0' || strpbrk(what, " \n") != NULL ||
	    (size_t)snprintf(request, sizeof(request), "kill %s", what) >=
	        sizeof(request))
		return command_misused(
		    "kill", "that is no connection's ID and no server's name");
	status = client_locate(&client, socket);
	return status == COMMAND_DONE ? kill_all(&client, request) : status;
}

#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

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
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char request[MSG_REQUEST_MAX];
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
	status = client_ask(&client, request, &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program is tried for 5 s, and the rest takes as long as a reload. */
#define PATIENCE_S 15

/* The daemon is in another directory. */
static int
make_request(const char *program, char request[static MSG_REQUEST_MAX])
{
	CLEANUP(free_str) char *path = NULL;
	int n;

	if (program == NULL) {
		strcpy(request, "upgrade");
		return COMMAND_DONE;
	}
	path = realpath(program, NULL);
	if (path == NULL)
		return command_refuse("upgrade", COMMAND_WRONG, "%s: %s",
		    program, strerror(errno));
	n = snprintf(request, MSG_REQUEST_MAX, "upgrade %s", path);
	if (n >= MSG_REQUEST_MAX || strchr(path, '\n') != NULL)
		return command_refuse("upgrade", COMMAND_WRONG,
		    "%s: such a path cannot be told", program);
	return COMMAND_DONE;
}

int
cmd_upgrade(int argc, char **argv)
{
	struct client client = { .command = "upgrade",
		.path = COMMAND_CONFIG_PATH,
		.patience_s = PATIENCE_S,
		.has_lines = true };
	const char *program = NULL; /* the one that was started */
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ .word = &program },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char request[MSG_REQUEST_MAX];
	int status =
	    command_parse("upgrade", argc, argv, options, ARRAY_LEN(options));

	if (status == COMMAND_DONE)
		status = make_request(program, request);
	if (status == COMMAND_DONE)
		status = client_ask(&client, request, &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

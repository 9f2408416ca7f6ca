#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

/* A line a group: what was done to stdout, what was not to stderr. */
static int
print(const struct json_doc *d, const char *key)
{
	const struct json_doc *groups = json_doc_get(d, "groups");
	int status = COMMAND_DONE;

	for (size_t i = 0; i < json_doc_count(groups); i++) {
		const struct json_doc *g = json_doc_at(groups, i);
		const bool done = json_doc_bool(g, key);

		(void)fprintf(done ? stdout : stderr, "%sgroup %s: %s\n",
		    done ? "" : "hapair handover: ", json_doc_string(g, "name"),
		    json_doc_string(g, "text"));
		if (!done)
			status = COMMAND_FAILED;
	}
	return fflush(stdout) != 0 ? COMMAND_FAILED : status;
}

int
cmd_handover(int argc, char **argv)
{
	struct client client = { .command = "handover",
		.path = COMMAND_CONFIG_PATH };
	const char *group = NULL; /* all */
	int dry = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'd', "dry-run", .there = &dry },
		{ .word = &group },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	char request[MSG_REQUEST_MAX];
	int n,
	    status = command_parse(
	        "handover", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	n = snprintf(request, sizeof(request), "%shandover%s%s",
	    dry != 0 ? "dry-run " : "", group != NULL ? " " : "",
	    group != NULL ? group : "");
	if ((size_t)n >= sizeof(request) || strchr(request, '\n') != NULL)
		return command_misused("handover", "that is no group's name");
	status = client_ask(&client, request, &d);
	return status == COMMAND_DONE ? print(d, dry != 0 ? "would" : "done")
	                              : status;
}

#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client_call.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct client_call call;
	const char *group; /* NULL: all */
};

/* A line a group: what was done to stdout, what was not to stderr. */
static int
print(const struct json_doc *d)
{
	const struct json_doc *groups = json_doc_get(d, "groups");
	int status = COMMAND_DONE;

	for (size_t i = 0; i < json_doc_count(groups); i++) {
		const struct json_doc *g = json_doc_at(groups, i);
		const bool done = json_doc_bool(g, "done");

		(void)fprintf(done ? stdout : stderr, "%sgroup %s: %s\n",
		    done ? "" : "hapair handover: ", json_doc_string(g, "name"),
		    json_doc_string(g, "text"));
		if (!done)
			status = COMMAND_FAILED;
	}
	return fflush(stdout) != 0 ? COMMAND_FAILED : status;
}

static int
ask(const struct words *w, struct json_doc **ret_answer)
{
	char request[MSG_REQUEST_MAX];
	int n = snprintf(request, sizeof(request), "handover%s%s",
	    w->group != NULL ? " " : "", w->group != NULL ? w->group : "");

	if ((size_t)n >= sizeof(request) || strchr(request, '\n') != NULL)
		return command_misused("handover", "that is no group's name");
	return client_call_ask(&w->call, request, ret_answer);
}

int
cmd_handover(int argc, char **argv)
{
	struct words w = { .call = { .command = "handover" } };
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status = client_call_parse(&w.call, argc, argv, &w.group, 1);

	if (status == COMMAND_DONE)
		status = ask(&w, &d);
	return status == COMMAND_DONE ? print(d) : status;
}

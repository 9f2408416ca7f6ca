#include "core/json_doc.h"
#include "core/msg.h"
#include "hapair/cli/client_call.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct talk talk;
	const char *group; /* NULL: all */
};

/* A line a group: what was done to stdout, what was not to stderr. */
static int
print(const struct jdoc *d)
{
	const struct jdoc *groups = jdoc_get(d, "groups");
	int status = COMMAND_DONE;

	for (size_t i = 0; i < jdoc_count(groups); i++) {
		const struct jdoc *g = jdoc_at(groups, i);
		const bool done = jdoc_bool(g, "done");

		(void)fprintf(done ? stdout : stderr, "%sgroup %s: %s\n",
		    done ? "" : "hapair handover: ", jdoc_string(g, "name"),
		    jdoc_string(g, "text"));
		if (!done)
			status = COMMAND_FAILED;
	}
	return fflush(stdout) != 0 ? COMMAND_FAILED : status;
}

static int
ask(const struct words *w, struct jdoc **ret_answer)
{
	char request[MSG_REQUEST_MAX];
	int n = snprintf(request, sizeof(request), "handover%s%s",
	    w->group != NULL ? " " : "", w->group != NULL ? w->group : "");

	if ((size_t)n >= sizeof(request) || strchr(request, '\n') != NULL)
		return command_misused("handover", "that is no group's name");
	return talk_ask(&w->talk, request, ret_answer);
}

int
cmd_handover(int argc, char **argv)
{
	struct words w = { .talk = { .command = "handover" } };
	CLEANUP(jdoc_free_at) struct jdoc *d = NULL;
	int status = talk_parse(&w.talk, argc, argv, &w.group, 1);

	if (status == COMMAND_DONE)
		status = ask(&w, &d);
	return status == COMMAND_DONE ? print(d) : status;
}

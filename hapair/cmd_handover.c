#include "core/jdoc.h"
#include "core/msg.h"
#include "hapair/command.h"
#include "hapair/talk.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct words {
	struct talk talk;
	const char *group; /* NULL: all */
};

static int
parse(struct words *w, int argc, char **argv)
{
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, TALK_OPTIONS, none, NULL)) != -1)
		if (!talk_take(&w->talk, c))
			return command_bad_option("handover", argv);
	if (optind < argc)
		w->group = argv[optind++];
	if (optind < argc)
		return command_misused(
		    "handover", "'%s' is not expected", argv[optind]);
	return COMMAND_DONE;
}

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
	int status = parse(&w, argc, argv);

	if (status == COMMAND_DONE)
		status = ask(&w, &d);
	return status == COMMAND_DONE ? print(d) : status;
}

#include "core/jdoc.h"
#include "core/msg.h"
#include "hapair/client.h"
#include "hapair/command.h"
#include "hapair/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
	const char *socket; /* NULL: as the configuration says */
	const char *group;  /* NULL: all */
	struct file file;
};

static int
parse(struct words *w, int argc, char **argv)
{
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:s:", none, NULL)) != -1)
		switch (c) {
		case 'c':
			w->file.path = optarg;
			break;
		case 's':
			w->socket = optarg;
			break;
		default: /* what getopt makes of anything else */
			return command_bad_option("handover", argv);
		}
	if (optind < argc)
		w->group = argv[optind++];
	if (optind < argc)
		return command_misused(
		    "handover", "'%s' is not expected", argv[optind]);
	return COMMAND_DONE;
}

/* A line a group: what was done to stdout, what was not to stderr. */
static int
print(const char *text, size_t len)
{
	CLEANUP(jdoc_free_at) struct jdoc *d = jdoc_parse(text, len);
	const struct jdoc *groups = jdoc_get(d, "groups");
	int status = COMMAND_DONE;

	if (groups == NULL) {
		(void)fprintf(stderr, "hapair handover: %s\n",
		    d != NULL ? jdoc_string(d, "error")
		              : "the daemon says nothing sensible");
		return COMMAND_FAILED;
	}
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
ask(const struct words *w)
{
	char request[MSG_REQUEST_MAX];
	CLEANUP(free_str) char *answer = NULL;
	size_t len = 0;
	int n, e;

	n = snprintf(request, sizeof(request), "handover%s%s",
	    w->group != NULL ? " " : "", w->group != NULL ? w->group : "");
	if ((size_t)n >= sizeof(request) || strchr(request, '\n') != NULL)
		return command_misused("handover", "that is no group's name");
	e = client_ask(w->socket, request, &answer, &len);
	if (e == 0)
		return print(answer, len);
	(void)fprintf(stderr, "hapair handover: %s: %s%s\n", w->socket,
	    strerror(-e),
	    e == -ENOENT || e == -ECONNREFUSED ? "; no daemon runs here" : "");
	return COMMAND_UNREACHABLE;
}

int
cmd_handover(int argc, char **argv)
{
	struct words w = { .file = { .path = COMMAND_CONFIG_PATH } };
	int status = parse(&w, argc, argv);

	if (status != COMMAND_DONE)
		return status;
	if (w.socket == NULL && file_load(&w.file) < 0)
		return COMMAND_WRONG;
	if (w.socket == NULL)
		w.socket = w.file.config->control;
	status = ask(&w);
	file_free(&w.file);
	return status;
}

#include "core/jdoc.h"
#include "hapair/client.h"
#include "hapair/command.h"
#include "hapair/file.h"
#include "hapair/show.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum form {
	FORM_TEXT,
	FORM_JSON,
	FORM_SHORT,
};

struct words {
	const char *socket; /* NULL: as the configuration says */
	struct file file;
	enum form form;
};

static int
parse(struct words *w, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "short", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:s:", options, NULL)) != -1)
		switch (c) {
		case 'c':
			w->file.path = optarg;
			break;
		case 's':
			w->socket = optarg;
			break;
		case 'j':
			w->form = FORM_JSON;
			break;
		case 'h':
			w->form = FORM_SHORT;
			break;
		default: /* what getopt makes of anything else */
			return command_bad_option("status", argv);
		}
	if (optind < argc)
		return command_misused(
		    "status", "'%s' is not expected", argv[optind]);
	return COMMAND_DONE;
}

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0');
}

static int
print(const struct words *w, const char *text, size_t len)
{
	CLEANUP(jdoc_free_at) struct jdoc *d = jdoc_parse(text, len);
	CLEANUP(free_str) char *pretty = NULL;

	if (d == NULL || *jdoc_string(d, "error") != '\0') {
		(void)fprintf(stderr, "hapair status: the daemon says: %s\n",
		    d != NULL ? jdoc_string(d, "error") : "nothing sensible");
		return COMMAND_FAILED;
	}
	switch (w->form) {
	case FORM_TEXT:
		show_status(d, stdout, wants_colour());
		break;
	case FORM_JSON:
		pretty = jdoc_text(d, true);
		(void)puts(pretty != NULL ? pretty : "");
		break;
	case FORM_SHORT:
		show_short(d, stdout);
		break;
	}
	if (fflush(stdout) != 0)
		return COMMAND_FAILED;
	return jdoc_bool(d, "healthy") ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_status(int argc, char **argv)
{
	struct words w = { .file = { .path = COMMAND_CONFIG_PATH } };
	char *answer = NULL;
	size_t len = 0;
	int e, status = parse(&w, argc, argv);

	if (status != COMMAND_DONE)
		return status;
	if (w.socket == NULL && file_load(&w.file) < 0)
		return COMMAND_WRONG;
	if (w.socket == NULL)
		w.socket = w.file.config->control;
	e = client_ask(w.socket, "status", &answer, &len);
	if (e < 0) {
		(void)fprintf(stderr, "hapair status: %s: %s%s\n", w.socket,
		    strerror(-e),
		    e == -ENOENT || e == -ECONNREFUSED ? "; no daemon runs here"
		                                       : "");
		status = COMMAND_UNREACHABLE;
	} else {
		status = print(&w, answer, len);
	}
	free(answer);
	file_free(&w.file);
	return status;
}

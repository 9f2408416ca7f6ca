#include "core/json_doc.h"
#include "hapair/cli/client_call.h"
#include "hapair/cli/command.h"
#include "hapair/cli/show.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum form {
	FORM_TEXT,
	FORM_JSON,
	FORM_SHORT,
};

struct words {
	struct client_call call;
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
	while ((c = getopt_long(
	            argc, argv, CLIENT_CALL_OPTIONS, options, NULL)) != -1)
		switch (c) {
		case 'j':
			w->form = FORM_JSON;
			break;
		case 'h':
			w->form = FORM_SHORT;
			break;
		default: /* ours it is not, or not at all */
			if (!client_call_take(&w->call, c))
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
print(enum form form, const struct json_doc *d)
{
	CLEANUP(free_str) char *pretty = NULL;

	switch (form) {
	case FORM_TEXT:
		show_status(d, stdout, wants_colour());
		break;
	case FORM_JSON:
		pretty = json_doc_text(d, true);
		(void)puts(pretty != NULL ? pretty : "");
		break;
	case FORM_SHORT:
		show_short(d, stdout);
		break;
	}
	if (fflush(stdout) != 0)
		return COMMAND_FAILED;
	return json_doc_bool(d, "healthy") ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_status(int argc, char **argv)
{
	struct words w = { .call = { .command = "status" } };
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status = parse(&w, argc, argv);

	if (status == COMMAND_DONE)
		status = client_call_ask(&w.call, "status", &d);
	return status == COMMAND_DONE ? print(w.form, d) : status;
}

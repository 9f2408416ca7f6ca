#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"
#include "hapair/cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0');
}

/* `form`: the letter of --json or --short, or neither. */
static int
print(int form, const struct json_doc *d)
{
	CLEANUP(free_str) char *pretty = NULL;

	if (form == 'j') {
		pretty = json_doc_text_ascii(d);
		(void)puts(pretty != NULL ? pretty : "");
	} else if (form == 'h') {
		show_short(d, stdout);
	} else {
		show_status(d, stdout, wants_colour());
	}
	if (fflush(stdout) != 0)
		return COMMAND_FAILED;
	return json_doc_bool(d, "healthy") ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_status(int argc, char **argv)
{
	struct client client = { .command = "status",
		.path = COMMAND_CONFIG_PATH,
		.asks_again = true };
	int form = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'j', "json", .there = &form },
		{ 'h', "short", .there = &form },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status =
	    command_parse("status", argc, argv, options, ARRAY_LEN(options));

	client.keeps_text = form == 'j';
	if (status == COMMAND_DONE)
		status = client_ask(&client, "status", &d);
	return status == COMMAND_DONE ? print(form, d) : status;
}

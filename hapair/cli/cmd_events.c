#include "core/json_doc.h"
#include "hapair/cli/client_lines.h"
#include "hapair/cli/command.h"

#include <stdio.h>

static void
on_json(void *arg, const struct json_doc *line)
{
	CLEANUP(free_str) char *text = json_doc_text(line, false);

	(void)arg;
	(void)puts(text != NULL ? text : "{}");
	(void)fflush(stdout);
}

/* "2026-11-22T10:00:01.120Z p1  group main: backup -> master, REASON" */
static void
on_line(void *arg, const struct json_doc *line)
{
	const char *node = json_doc_string(line, "node");
	const char *reason = json_doc_string(line, "reason");

	(void)arg;
	(void)printf("%s %s%s%s: %s%s%s\n", json_doc_string(line, "time"), node,
	    *node != '\0' ? " " : "", json_doc_string(line, "subject"),
	    json_doc_string(line, "what"), *reason != '\0' ? ", reason: " : "",
	    reason);
	(void)fflush(stdout);
}

int
cmd_events(int argc, char **argv)
{
	struct client client = { .command = "events",
		.path = COMMAND_CONFIG_PATH };
	int json = 0, follow = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'j', "json", .there = &json },
		{ 'f', "follow", .there = &follow },
	};
	int status =
	    command_parse("events", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	return client_lines_ask(&client,
	    follow != 0 ? "events follow" : "events", follow != 0,
	    json != 0 ? on_json : on_line, NULL);
}

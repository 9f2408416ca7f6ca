#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

/* While connections change hands it lasts as long as they go on to do so. */
#define PATIENCE_S 15

/* Each node in turn, and each may have to go back. */
#define BOTH_PATIENCE_S 60

int
cmd_reload(int argc, char **argv)
{
	struct client client = { .command = "reload",
		.path = COMMAND_CONFIG_PATH,
		.patience_s = PATIENCE_S,
		.has_lines = true };
	int both = 0;
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
		{ 'b', "both", .there = &both },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status =
	    command_parse("reload", argc, argv, options, ARRAY_LEN(options));

	if (both != 0)
		client.patience_s = BOTH_PATIENCE_S;
	if (status == COMMAND_DONE)
		status = client_ask(
		    &client, both != 0 ? "reload both" : "reload", &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

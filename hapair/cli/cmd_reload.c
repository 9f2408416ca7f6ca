#include "core/json_doc.h"
#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

int
cmd_reload(int argc, char **argv)
{
	struct client client = { .command = "reload",
		.path = COMMAND_CONFIG_PATH };
	const struct command_option options[] = {
		{ 'c', .word = &client.path },
		{ 's', .word = &client.socket },
	};
	CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
	int status =
	    command_parse("reload", argc, argv, options, ARRAY_LEN(options));

	if (status == COMMAND_DONE)
		status = client_ask(&client, "reload", &d);
	return status == COMMAND_DONE ? client_print_text(d) : status;
}

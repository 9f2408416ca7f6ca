#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

/* While connections change hands it lasts as long as they go on to do so. */
#define PATIENCE_S 15

int
cmd_reload(int argc, char **argv)
{
	struct client client = { .command = "reload",
		.path = COMMAND_CONFIG_PATH,
		.patience_s = PATIENCE_S,
		.has_lines = true };

	return client_run(&client, argc, argv);
}

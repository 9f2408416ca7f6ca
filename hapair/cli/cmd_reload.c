#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

int
cmd_reload(int argc, char **argv)
{
	struct client client = { .command = "reload",
		.path = COMMAND_CONFIG_PATH,
		.has_lines = true };

	return client_run(&client, argc, argv);
}

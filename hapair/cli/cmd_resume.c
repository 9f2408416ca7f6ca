#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

int
cmd_resume(int argc, char **argv)
{
	struct client client = { .command = "resume",
		.path = COMMAND_CONFIG_PATH };

	return client_run(&client, argc, argv);
}

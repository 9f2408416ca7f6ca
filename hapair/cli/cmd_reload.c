#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

int
cmd_reload(int argc, char **argv)
{
	return client_run("reload", argc, argv);
}

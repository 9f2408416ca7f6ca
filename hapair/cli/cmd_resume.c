#include "hapair/cli/client.h"
#include "hapair/cli/command.h"

int
cmd_resume(int argc, char **argv)
{
	return client_run("resume", argc, argv);
}

#include "core/version.h"
#include "hapair/cli/command.h"

#include <stdio.h>

int
cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return command_misused("version", "expected nothing more");
	(void)printf("hapair %s\n", VERSION);
	return COMMAND_DONE;
}

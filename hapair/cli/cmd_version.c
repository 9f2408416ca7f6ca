#include "core/version.h"
#include "hapair/cli/command.h"

#include <stdio.h>

int
cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return command_misused(
		    "version", "'%s' is not expected", argv[1]);
	(void)printf("hapair %s\n", VERSION);
	return COMMAND_DONE;
}

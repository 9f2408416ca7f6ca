#include "config/keys.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

int
cmd_help(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		command_print_all(stdout);
		return COMMAND_DONE;
	}
	if (strcmp(argv[1], "keys") == 0) {
		keys_document(stdout);
		return COMMAND_DONE;
	}
	c = command_find(argv[1]);
	if (c == NULL || c->usage == NULL)
		return command_misused(
		    "help", "there is no command '%s'", argv[1]);
	(void)printf("hapair %s %s\n\n%s.\n%s\n", c->name, c->usage, c->summary,
	    c->details);
	return COMMAND_DONE;
}

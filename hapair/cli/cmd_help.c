#include "config/keys_document.h"
#include "config/yaml/nearest.h"
#include "hapair/cli/command.h"
#include "hapair/cli/help.h"

#include <stdio.h>
#include <string.h>

/* By its name, and for `keytab` by the name below it. */
static int
explain(int argc, char **argv)
{
	const struct command *c = command_find(command_all(), argv[1]);
	const struct command *all = command_all();
	const struct command *below = c != NULL ? command_below(c) : NULL;
	const char *sub = argc > 2 ? argv[2] : NULL;
	char near[NEAREST_TEXT];

	if (c == NULL || c->usage == NULL)
		return command_misused("help", "there is no command '%s'%s",
		    argv[1], command_nearest(all, argv[1], near));
	if (argc > 3 || (sub != NULL && below == NULL))
		return command_misused(
		    "help", "'%s' is not expected", argv[argc - 1]);
	if (sub != NULL && command_find(below, sub) == NULL)
		return command_misused("help", "%s has no '%s'%s", c->name, sub,
		    command_nearest(below, sub, near));
	return help_print(c, sub, stdout);
}

int
cmd_help(int argc, char **argv)
{
	if (argc < 2)
		return help_print(NULL, NULL, stdout);
	if (strcmp(argv[1], "keys") != 0)
		return explain(argc, argv);
	if (argc > 2)
		return command_misused("help", "'%s' is not expected", argv[2]);
	keys_document(stdout);
	return fflush(stdout) == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

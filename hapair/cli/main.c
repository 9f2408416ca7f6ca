/*
 * hapair: a TCP relay and a virtual IP's failover in one program. Here begins
 * every process of it: a command of the table in command.c. Roles are this
 * same program, started anew by the supervisor with the hidden command `role`.
 */

#include "hapair/cli/command.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		command_print_all(stderr);
		return COMMAND_WRONG;
	}
	c = command_find(argv[1]);
	if (c == NULL)
		return command_refuse(NULL, COMMAND_WRONG,
		    "there is no command '%s'; `hapair help` lists them",
		    argv[1]);
	return c->run(argc - 1, argv + 1);
}

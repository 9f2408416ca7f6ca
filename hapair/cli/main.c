/*
 * hapair: a TCP relay and a virtual IP's failover in one program. Here begins
 * every process of it: a command of the table in command.c. Roles are this
 * same program, started anew by the supervisor with the hidden command `role`.
 */

#include "hapair/cli/command.h"

int
main(int argc, char **argv)
{
	return command_main(argc, argv);
}

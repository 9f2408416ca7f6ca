#include "config/print.h"
#include "hapair/cli/command.h"
#include "hapair/cli/file.h"
#include "hapair/cli/host_check.h"

#include <stdio.h>

int
cmd_check(int argc, char **argv)
{
	CLEANUP(file_free) struct file f = { .path = COMMAND_CONFIG_PATH };
	const char *node = NULL;
	int host = 0, print = 0;
	const struct command_option options[] = {
		{ 'c', .word = &f.path },
		{ 'h', "host", .there = &host },
		{ 'n', "node", .word = &node },
		{ 'p', "print", .there = &print },
	};
	int status =
	    command_parse("check", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	if ((host && print) || (!host && node != NULL))
		return command_misused("check",
		    host ? "--print and --host do not go together"
		         : "--node belongs to --host");
	f.warns = true;
	if (file_load(&f) < 0)
		return COMMAND_WRONG;
	if (print && print_config(f.config, stdout) < 0)
		return COMMAND_FAILED;
	if (!print)
		(void)printf("%s: fine\n", f.path);
	if (host && host_check_run(f.config, f.path, node, stdout) > 0)
		status = COMMAND_FAILED;
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}

#include "config/print.h"
#include "hapair/command.h"
#include "hapair/file.h"

#include <stdio.h>

#include <getopt.h>

int
cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "print", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	CLEANUP(file_free) struct file f = { .path = COMMAND_CONFIG_PATH };
	bool print = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		switch (c) {
		case 'c':
			f.path = optarg;
			break;
		case 'p':
			print = true;
			break;
		default: /* what getopt makes of anything else */
			return command_bad_option("check", argv);
		}
	if (optind < argc)
		return command_misused(
		    "check", "'%s' is not expected", argv[optind]);
	if (file_load(&f) < 0)
		return COMMAND_WRONG;
	if (!print)
		(void)printf("%s: fine\n", f.path);
	else if (print_config(f.config, stdout) < 0)
		return COMMAND_FAILED;
	return fflush(stdout) == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

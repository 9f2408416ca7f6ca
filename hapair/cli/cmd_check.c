#include "config/print.h"
#include "hapair/cli/command.h"
#include "hapair/cli/file.h"
#include "hapair/cli/host_check.h"

#include <stdio.h>

#include <getopt.h>

int
cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", no_argument, NULL, 'h' },
		{ "node", required_argument, NULL, 'n' },
		{ "print", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	CLEANUP(file_free) struct file f = { .path = COMMAND_CONFIG_PATH };
	const char *node = NULL;
	bool host = false, print = false;
	int status = COMMAND_DONE;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1)
		switch (c) {
		case 'c':
			f.path = optarg;
			break;
		case 'h':
			host = true;
			break;
		case 'n':
			node = optarg;
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

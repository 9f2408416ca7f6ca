#include "config/print.h"
#include "hapair/cli/command.h"
#include "hapair/cli/file.h"
#include "hapair/cli/file_diff.h"
#include "hapair/cli/host_check.h"

#include <stdio.h>
#include <string.h>

/* NULL: they go together. */
static const char *
find_misuse(
    bool host, bool print, bool diff, const char *node, const char *socket)
{
	if (host + print + diff > 1)
		return "of --print, --host and --diff only one can be given";
	if (!host && node != NULL)
		return "--node belongs to --host";
	return !diff && socket != NULL ? "-s belongs to --diff" : NULL;
}

/* By -c or without it. */
static void
choose(struct file *f, const char *named)
{
	if (named != NULL)
		f->path = named;
	if (f->path == NULL)
		f->path = COMMAND_CONFIG_PATH;
	f->is_stdin = strcmp(f->path, "-") == 0;
	if (f->is_stdin)
		f->path = "stdin";
}

int
cmd_check(int argc, char **argv)
{
	CLEANUP(file_free) struct file f = { .path = NULL };
	const char *named = NULL, *node = NULL, *socket = NULL;
	int diff = 0, host = 0, print = 0;
	const struct command_option options[] = {
		{ 'c', .word = &f.path },
		{ 's', .word = &socket },
		{ 'd', "diff", .there = &diff },
		{ 'h', "host", .there = &host },
		{ 'n', "node", .word = &node },
		{ 'p', "print", .there = &print },
		{ .word = &named },
	};
	const char *misuse;
	int status =
	    command_parse("check", argc, argv, options, ARRAY_LEN(options));

	if (status != COMMAND_DONE)
		return status;
	misuse = f.path != NULL && named != NULL
	    ? "expected one file, by -c or without it"
	    : find_misuse(host, print, diff, node, socket);
	if (misuse != NULL)
		return command_misused("check", "%s", misuse);
	choose(&f, named);
	f.warns = true;
	if (file_load(&f) < 0)
		return COMMAND_WRONG;
	if (print && print_config(f.config, stdout) < 0)
		return COMMAND_FAILED;
	if (!print && !diff)
		(void)printf("%s: fine\n", f.path);
	if (host &&
	    host_check_run(f.config, f.is_stdin ? NULL : f.path, node, stdout) >
	        0)
		status = COMMAND_FAILED;
	if (diff)
		status = file_diff_print(f.config, f.path, socket, stdout);
	return fflush(stdout) == 0 ? status : COMMAND_FAILED;
}

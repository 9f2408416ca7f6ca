#include "core/secret.h"
#include "hapair/cli/command.h"

#include <stdio.h>
#include <string.h>

static int
print(const struct secret_key *key)
{
	for (size_t i = 0; i < sizeof(key->bytes); i++)
		(void)printf("%02x", key->bytes[i]);
	(void)printf("\n");
	return fflush(stdout) == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

int
cmd_genkey(int argc, char **argv)
{
	char why[TRUSTED_PATH_WHY_MAX];
	struct secret_key key;
	const char *path = NULL;
	const struct command_option options[] = {
		{ .word = &path },
	};
	int status =
	    command_parse("genkey", argc, argv, options, ARRAY_LEN(options));
	int e;

	if (status != COMMAND_DONE)
		return status;
	if (secret_init() < 0)
		return command_refuse(
		    "genkey", COMMAND_FAILED, "there are no random numbers");
	secret_random(key.bytes, sizeof(key.bytes));
	if (path == NULL) {
		status = print(&key);
	} else {
		e = secret_save(path, &key);
		if (e < 0)
			status = command_refuse("genkey", COMMAND_FAILED,
			    "%s: %s", path,
			    trusted_path_fault(
			        path, TRUSTED_PATH_ANYBODYS, e, why));
	}
	secret_wipe(&key, sizeof(key));
	return status;
}

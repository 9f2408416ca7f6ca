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
	int status = COMMAND_DONE;
	int e;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return command_misused("genkey", "expected one file at most");
	if (secret_init() < 0)
		return command_refuse(
		    "genkey", COMMAND_FAILED, "there are no random numbers");
	secret_random(key.bytes, sizeof(key.bytes));
	if (argc == 1) {
		status = print(&key);
	} else {
		e = secret_save(argv[1], &key);
		if (e < 0)
			status = command_refuse("genkey", COMMAND_FAILED,
			    "%s: %s", argv[1],
			    trusted_path_fault(
			        argv[1], TRUSTED_PATH_ANYBODYS, e, why));
	}
	secret_wipe(&key, sizeof(key));
	return status;
}

#include "hapair/cli/cmd_keytab.h"

#include "config/schema/scalar.h"
#include "core/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct sub {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
} subs[] = {
	{ "list", cmd_keytab_list, "FILE [--json]" },
	{ "merge", cmd_keytab_merge,
	    "-o OUT [--principal PATTERN]... [--drop-kvno-older-than N] [--owner USER[:GROUP]] IN..." },
	{ "merge", cmd_keytab_merge,
	    "--proxy FILE --hosts DIR --out DIR [the same options]" },
	{ "verify", cmd_keytab_verify, "FILE [--principal PRINCIPAL]" },
	{ "flags", cmd_keytab_flags,
	    "FILE --vip HOST --host HOST [--port PORT]" },
	{ "flags", cmd_keytab_flags,
	    "--lint FLAGS [FILE] [--vip HOST] [--host HOST]" },
};

static void
print_usage(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		if (name == NULL || strcmp(name, subs[i].name) == 0)
			(void)fprintf(stderr, "usage: hapair keytab %s %s\n",
			    subs[i].name, subs[i].usage);
}

int
cmd_keytab_misused(const char *name, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "hapair keytab: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	print_usage(name);
	return COMMAND_WRONG;
}

int
cmd_keytab_options(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n)
{
	const char *odd = command_options(argc, argv, options, n);

	return odd == NULL
	    ? COMMAND_DONE
	    : cmd_keytab_misused(name, "'%s' is not understood", odd);
}

bool
cmd_keytab_number(const char *text, uint32_t max, uint32_t *ret_n)
{
	uint64_t n;

	if (scalar_number(text, &n) < 0 || n > max)
		return false;
	*ret_n = (uint32_t)n;
	return true;
}

void
cmd_keytab_say(const char *path, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "hapair keytab: %s: ", path);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

int
cmd_keytab_open(struct keyfile *f, const char *path)
{
	char why[KEYFILE_WHY_MAX];
	int e = keyfile_open(f, path, why);

	if (e < 0) {
		cmd_keytab_say(path, "%s", why);
		return e;
	}
	if ((f->mode & 077) != 0)
		cmd_keytab_say(path,
		    "warning: mode %04o, so others can use these keys; chmod 400",
		    (unsigned)f->mode);
	return 0;
}

int
cmd_keytab(int argc, char **argv)
{
	int status;

	if (argc < 2)
		return cmd_keytab_misused(NULL, "expected what to do");
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		if (strcmp(argv[1], subs[i].name) != 0)
			continue;
		vault_seal_process();
		if (secret_init() < 0)
			return command_refuse("keytab", COMMAND_FAILED,
			    "there are no random numbers");
		status = subs[i].run(argc - 1, argv + 1);
		vault_scrub_stack();
		return status;
	}
	return cmd_keytab_misused(NULL, "there is no '%s'", argv[1]);
}

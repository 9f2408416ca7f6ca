#include "hapair/cli/cmd_keytab.h"

#include "config/schema/scalar.h"
#include "config/yaml/nearest.h"
#include "core/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct command cmd_keytab_subs[] = {
	{ "list", cmd_keytab_list, "FILE [--json]", "shows what is in one",
	    "Shows each entry's kvno, enctype, timestamp, name type and\n"
	    "principal, and a fingerprint of its key, never the key itself.\n"
	    "The same fingerprint on two hosts means the same key. A file\n"
	    "that is truncated or no keytab is refused with the place of the\n"
	    "fault; MIT's tools stop there without a word." },
	{ "merge", cmd_keytab_merge,
	    "-o OUT [--principal PATTERN]... [--drop-kvno-older-than N] [--owner USER[:GROUP]] IN...",
	    "makes one out of several",
	    "Makes one keytab out of several, with mode 0400 and the owner\n"
	    "that OUT had. It is renamed into place, or OUT stays as it was.\n"
	    "A key that occurs twice is kept once; different keys under one\n"
	    "name are refused. OUT may be an IN, and must be one to keep what\n"
	    "it has. PATTERN is a shell's, such as 'proxy/*'. The newest kvno\n"
	    "of a principal is never dropped." },
	{ "merge", cmd_keytab_merge,
	    "--proxy FILE --hosts DIR --out DIR [OPTION]...",
	    "makes one for each of many hosts",
	    "The same for many hosts: merges each keytab in DIR with FILE.\n"
	    "A keytab in DIR is called HOST or HOST.keytab, and has keys of\n"
	    "that host alone. The other options are those of the first form." },
	{ "verify", cmd_keytab_verify, "FILE [--principal PRINCIPAL]",
	    "proves one against the KDC",
	    "Proves against the KDC that the keys work: logs in with each\n"
	    "principal, asks for a ticket for it, and opens the ticket with\n"
	    "a key that is there, whatever its kvno, as acceptors do; what the\n"
	    "next key change will break is a warning. It says what fails and\n"
	    "what mends it, and exits with 1; it also does so for a clock or a host name that would make the\n"
	    "service refuse. Run it on the host where the keytab is used." },
	{ "flags", cmd_keytab_flags,
	    "FILE --vip HOST --host HOST [--port PORT]",
	    "prints the flags of an impalad",
	    "Prints the flags of the impalad on that host, in the order that\n"
	    "works, and what clients of the virtual IP have to write." },
	{ "flags", cmd_keytab_flags,
	    "--lint FLAGS [FILE] [--vip HOST] [--host HOST]",
	    "looks at the flags of an impalad",
	    "Looks at the flags that an impalad has, in a flag file or\n"
	    "/etc/default/impala: flags that are swapped or missing, and\n"
	    "principals that are not in the keytab. Exits with 1 if there is\n"
	    "one." },
	{ .name = NULL },
};

int
cmd_keytab_misused(const char *name, const char *format, ...)
{
	char text[512], command[32];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)snprintf(command, sizeof(command), "keytab%s%s",
	    name != NULL ? " " : "", name != NULL ? name : "");
	return command_misused(command, "%s", text);
}

int
cmd_keytab_options(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n)
{
	bool twice;
	const char *odd = command_options(argc, argv, options, n, &twice);
	char text[256];

	for (int i = optind; odd == NULL && i < argc; i++)
		if (argv[i][0] == '\0')
			return cmd_keytab_misused(name,
			    "an empty word is not expected; is a variable not set?");
	if (odd == NULL)
		return COMMAND_DONE;
	if (twice)
		command_twice_text(odd, text, sizeof(text));
	else
		command_odd_text(odd, options, n, text, sizeof(text));
	return cmd_keytab_misused(name, "%s", text);
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
	const struct command *sub;
	char near[NEAREST_TEXT];
	int status;

	if (argc < 2)
		return cmd_keytab_misused(
		    NULL, "expected list, merge, verify or flags");
	sub = command_find(cmd_keytab_subs, argv[1]);
	if (sub == NULL)
		return cmd_keytab_misused(NULL, "there is no '%s'%s", argv[1],
		    command_nearest(cmd_keytab_subs, argv[1], near));
	vault_seal_process();
	if (secret_init() < 0)
		return command_refuse(
		    "keytab", COMMAND_FAILED, "there are no random numbers");
	status = sub->run(argc - 1, argv + 1);
	vault_scrub_stack();
	return status;
}

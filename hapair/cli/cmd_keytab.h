#pragma once

/*
 * The commands below `hapair keytab`: each in a file of its own, called with
 * its own name as argv[0]. Results to stdout, everything else to stderr.
 */

#include "core/base.h"
#include "hapair/cli/command.h"
#include "hapair/cli/rewrite.h"
#include "keytab/keyfile.h"

/* What both forms of `merge` are asked for. */
struct cmd_keytab_merge {
	const char *out;                     /* -o */
	const char *proxy, *hosts, *out_dir; /* of many hosts */
	char **files;                        /* IN... */
	size_t n_files;
	struct bundle_rules rules;
	struct replace_owner owner;
};

extern const struct command cmd_keytab_subs[]; /* ends without a name */

int cmd_keytab_list(int argc, char **argv);
int cmd_keytab_merge(int argc, char **argv);
int cmd_keytab_flags(int argc, char **argv);
int cmd_keytab_verify(int argc, char **argv);

/*
 * Merges for many hosts: one keytab of the virtual IP with that of each host in
 * a directory. Nothing is replaced before everything is prepared. Returns the
 * exit status.
 */
int cmd_keytab_batch(const struct cmd_keytab_merge *m);

/* As command_misused(), of what is below `keytab`; NULL: of itself. */
int cmd_keytab_misused(const char *name, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* As command_options(). COMMAND_DONE, or COMMAND_WRONG with everything said. */
MUST_CHECK int cmd_keytab_options(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n);

/* Decimal digits. False: it is none, or more than `max`. */
MUST_CHECK bool cmd_keytab_number(
    const char *text, uint32_t max, uint32_t *ret_n);

/* Opens it, and says on stderr what is wrong or odd. Returns 0 or -errno. */
MUST_CHECK int cmd_keytab_open(struct keyfile *f, const char *path);

/* "hapair keytab: PATH: TEXT" on stderr. */
void cmd_keytab_say(const char *path, const char *format, ...)
    PRINTF_LIKE(2, 3);

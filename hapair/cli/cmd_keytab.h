#pragma once

/*
 * The commands below `hapair keytab`: each in a file of its own, called with
 * its own name as argv[0]. Results to stdout, everything else to stderr.
 */

#include "core/base.h"
#include "hapair/cli/command.h"
#include "keytab/keyfile.h"

int cmd_keytab_list(int argc, char **argv);
int cmd_keytab_merge(int argc, char **argv);
int cmd_keytab_flags(int argc, char **argv);
int cmd_keytab_verify(int argc, char **argv);

/* "hapair keytab: TEXT", and how the command is used. Returns COMMAND_WRONG. */
int cmd_keytab_misused(const char *name, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* As command_options(). COMMAND_DONE, or COMMAND_WRONG with everything said. */
MUST_CHECK int cmd_keytab_options(const char *name, int argc, char **argv,
    const struct command_option *options, size_t n);

/* Opens it, and says on stderr what is wrong or odd. Returns 0 or -errno. */
MUST_CHECK int cmd_keytab_open(struct keyfile *f, const char *path);

/* "hapair keytab: PATH: TEXT" on stderr. */
void cmd_keytab_say(const char *path, const char *format, ...)
    PRINTF_LIKE(2, 3);

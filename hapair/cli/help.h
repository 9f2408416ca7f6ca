#pragma once

/*
 * What `hapair help`, -h and --help print, from the rows of the commands.
 */

#include "core/base.h"

#include <stdio.h>

struct command;

/* Whether -h or --help is among the arguments, before a "--". */
bool help_is_wanted(int argc, char **argv);

void help_print_all(FILE *out);

/*
 * Of a command (NULL: of all of them), or of what it has below it by that name;
 * one that it has not is ignored. Returns the exit status.
 */
int help_print(const struct command *c, const char *sub, FILE *out);

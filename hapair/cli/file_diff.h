#pragma once

/*
 * `hapair check --diff`: what a file says that the running daemon does not have
 * yet. Asks the daemon, and changes nothing.
 */

#include "core/base.h"

#include <stdio.h>

struct config;

/*
 * A line for each difference. `path` is the file's, `socket` NULL where it says
 * itself which one it is. Returns the exit status, with everything said.
 */
MUST_CHECK int file_diff_print(
    const struct config *file, const char *path, const char *socket, FILE *out);

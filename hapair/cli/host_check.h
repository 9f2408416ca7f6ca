#pragma once

/*
 * Whether this machine can run a configuration, and what of it would fail at
 * the worst moment: a peer that cannot be reached, a script that is not there,
 * an interface without carrier. Changes nothing. A running daemon is not
 * disturbed, and what it holds is not taken for somebody else's.
 */

#include "config/config.h"

#include <stdio.h>

/*
 * Prints a line for each thing that was looked at: "ok", "warning" or "error",
 * and what was found. `node` may be NULL. Returns how many errors there are.
 */
unsigned host_check_run(
    const struct config *c, const char *path, const char *node, FILE *out);

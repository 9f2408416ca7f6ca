#pragma once

/*
 * The passwords of checks: each `password_file` read once, while this process
 * is still root, and kept in memory, which is wiped at the end. Owned by
 * roster.c; never logged, never in status.
 */

#include "core/base.h"

struct config;
struct drawer;

/* Says in the log which file cannot be used. NULL where memory is out. */
struct drawer *passwords_load(const struct config *config);

/* NULL: there is none that could be used. */
const char *passwords_get(const struct drawer *d, const char *path);

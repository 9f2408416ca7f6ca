#pragma once

/*
 * The keytabs that checks ask with: each `negotiate_keytab` read once, while
 * this process is still root, and kept as a sealed file in memory for libkrb5
 * to find. Owned by roster.c.
 */

#include "core/base.h"

struct config;
struct drawer;

/* Says in the log which one cannot be used. NULL where memory is out. */
struct drawer *keytabs_load(const struct config *config);

/* What libkrb5 names it. NULL: there is none that could be used. */
const char *keytabs_get(const struct drawer *d, const char *path);

/* Whether it could be used: 0 or -errno, and that in words. */
MUST_CHECK int keytabs_try(const char *path);
const char *keytabs_fault(int error);

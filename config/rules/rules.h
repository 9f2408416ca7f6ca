#pragma once

/*
 * What no key can know alone: names and addresses that are there twice,
 * listeners that collide, addresses of a kind that cannot be meant. Looks at
 * the value and at where each part of it stands; changes and keeps nothing, and
 * leaves alone what was refused before and so has no mark.
 */

#include "core/base.h"

struct config;
struct diag;
struct source_marks;

/*
 * Mistakes go to `diag`. Returns 0, also where there are some, or -ENOMEM. The
 * marks are sorted.
 */
MUST_CHECK int rules_check(const struct config *c,
    const struct source_marks *marks, struct diag *diag);

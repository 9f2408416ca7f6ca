#pragma once

/*
 * The rules of rules.h for the part of the file under `pair`.
 */

#include "core/base.h"

struct config;
struct diag;
struct source_marks;

/* As rules_check(); only where there is a pair. */
MUST_CHECK int pair_rules_check(const struct config *c,
    const struct source_marks *marks, struct diag *diag);

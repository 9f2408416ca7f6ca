#pragma once

/*
 * From keepalived.conf to `pair`. Of the other host nothing is known where its
 * file is not given.
 */

#include "config/import/keepalived_text.h"

struct import_plan;

/* `second` may be NULL. */
void keepalived_pair_read(struct import_plan *plan,
    const struct keepalived_text *first, const struct keepalived_text *second);

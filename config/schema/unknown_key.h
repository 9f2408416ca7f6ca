#pragma once

/*
 * A key that its table does not have: which one was meant, or where those are
 * that there are. Part of the schema's engine.
 */

#include "core/base.h"

struct diag;
struct schema_table;
struct tree_node;

bool unknown_key_is_there(const struct schema_table *table, const char *name);

/*
 * Tells `diag`. Returns the keys of the table that are probably meant, a bit
 * each by their place in it; 0: none.
 */
uint64_t unknown_key_refuse(struct diag *diag, const struct schema_table *table,
    const struct tree_node *key);

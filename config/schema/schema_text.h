#pragma once

/*
 * The values that are a text in the file: numbers, durations, words, addresses
 * and what has a form of its own. Part of the schema's engine.
 */

#include "config/schema/schema.h"

/*
 * From a text to the value at `field`; what is wrong goes to `diag`. Returns
 * whether there is a value now.
 */
bool schema_text_fill(struct schema *s, const struct schema_key *k,
    const struct tree_node *node, void *field);

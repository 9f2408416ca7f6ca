#pragma once

/*
 * The canonical text of a configuration: every key that has a value, defaults
 * included, in the order of the tables, always written alike. Loading it gives
 * the same configuration, and printing that the same text.
 */

#include "config/config.h"

#include <stdio.h>

struct schema_table;

/* Returns 0 or -EIO. */
MUST_CHECK int print_config(const struct config *c, FILE *out);

/*
 * The same as a string, or that of a check alone, or of what a table's keys are
 * in one of its structs, which the caller frees. Return 0 or -ENOMEM.
 */
MUST_CHECK int print_text(
    const struct config *c, char **ret_text, size_t *ret_len);
MUST_CHECK int print_check(const struct config_check *c, char **ret_text);
MUST_CHECK int print_keys(const struct schema_table *table, const void *base,
    char **ret_text, size_t *ret_len);

/*
 * What the configuration has that no file need say: without each key that is at
 * its default. To be compared, also by another version: a key that one of them
 * does not know is not in it as long as nobody sets it.
 */
MUST_CHECK int print_brief(
    const struct config *c, char **ret_text, size_t *ret_len);

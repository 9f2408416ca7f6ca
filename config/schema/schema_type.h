#pragma once

/*
 * What a key takes, in words: for the manual, and for who gave it another. And
 * the table of a map whose keys are names that the file itself gave.
 */

#include "config/schema/schema.h"

#define SCHEMA_TYPE_TEXT 320

/* "a number from 0 to 256", "a duration from 5ms to 10s", "a list". */
void schema_type_text(const struct schema_key *k, char *buf, size_t room);

/* "a, b or c": the keys of which one has to be there; empty where none has. */
void schema_type_choice(
    const struct schema_table *table, char *buf, size_t room);

/*
 * Of a key with .name_at: a row for each name, a number within the key's value.
 * Empty where one of the names is not there, because it was refused.
 */
struct schema_table schema_type_named(const struct schema_key *k,
    const void *base, struct schema_key keys[static SCHEMA_NAMES_MAX]);

#pragma once

/*
 * Keys of a JSON object and the values they must have, as the file says them:
 * `json: {is_coordinator: true}`. A word without quotes that is true, false or
 * a number means that; everything else is a string. Headers of HTTP are read
 * alike, and are all text. Part of the schema's engine, and of what prints its
 * values.
 */

#include "config/schema/schema.h"

#include <stdio.h>

struct config_matches;

/*
 * From a map, which may be empty, to the matches at `field`, in place of what
 * was there. What is wrong goes to `diag`.
 */
void matches_fill(struct schema *s, const struct schema_key *k,
    const struct tree_node *map, struct config_matches *field);

/* In one line, as matches_fill reads it: `{is_coordinator: true}`. */
void matches_print(const struct config_matches *m, FILE *out);

/* A text in quotes, as YAML and JSON alike read it. */
void matches_print_quoted(const char *text, FILE *out);

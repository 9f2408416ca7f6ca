#pragma once

/*
 * A table for people: cells first, widths afterwards, so that columns line up
 * however long the names are.
 */

#include "core/base.h"

#include <stdio.h>

#define TABLE_COLUMNS 10

struct table;

/* NULL where memory is out; every call takes NULL. */
struct table *table_new(void);
void table_free(struct table *t);
void table_free_at(struct table **t); /* for CLEANUP */

/* The next cell of the present row; copied. */
void table_cell(struct table *t, const char *format, ...) PRINTF_LIKE(2, 3);
void table_end_row(struct table *t);

/* The first row is the heading, in `bold` where that is not "". */
void table_print(
    const struct table *t, FILE *out, const char *bold, const char *plain);

#pragma once

/*
 * A table for people: cells first, widths afterwards, so that columns line up
 * however long the names are.
 */

#include "core/base.h"

#include <stdio.h>

#define TEXT_TABLE_COLUMNS 10

struct text_table;

/*
 * The headings, and NULL behind them: they are the first row. Returns NULL
 * where memory is out; every call takes that.
 */
struct text_table *text_table_new(const char *heading, ...)
    __attribute__((sentinel));
void text_table_free_at(struct text_table **t); /* for CLEANUP */

/* The next cell of the present row; copied. */
void text_table_cell(struct text_table *t, const char *format, ...)
    PRINTF_LIKE(2, 3);
void text_table_end_row(struct text_table *t);

/* The headings are in `bold` where that is not "". */
void text_table_print(
    const struct text_table *t, FILE *out, const char *bold, const char *plain);

#pragma once

/*
 * A table for people: cells first, widths afterwards, so that columns line up
 * however long the names are; and no line is longer than it may be.
 */

#include "core/base.h"

#include <stdio.h>

#define TEXT_TABLE_COLUMNS 12

struct text_table;

/*
 * The headings, and NULL behind them: they are the first row. Returns NULL
 * where memory is out; every call takes that.
 */
struct text_table *text_table_new(const char *heading, ...)
    __attribute__((sentinel));
/* The same without any: the first row will be they. */
struct text_table *text_table_begin(void);
void text_table_free_at(struct text_table **t); /* for CLEANUP */

/* The next cell of the present row; copied. */
void text_table_cell(struct text_table *t, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* The same of a text that is there. */
void text_table_put(struct text_table *t, const char *text, size_t len);
void text_table_end_row(struct text_table *t);

/* What is printed before the last cell, and `plain` behind it; borrowed. */
void text_table_tint(struct text_table *t, const char *tint);

struct text_table_form {
	const char *bold, *plain; /* of the headings; or "" */
	/*
	 * Of a line. Cells of the last and the widest columns are cut for it,
	 * and end with "…"; 0: none is.
	 */
	size_t width;
	/*
	 * The column of addresses, counted from 1: it gives first, and is cut
	 * in its midst, since both ends tell them apart; 0: there is none.
	 */
	unsigned address;
};

void text_table_print(
    const struct text_table *t, FILE *out, const struct text_table_form *form);

/*
 * The same, and the table goes on without the rows that were printed: so a list
 * without an end needs the memory of a part. Columns never get narrower.
 */
void text_table_flush(
    struct text_table *t, FILE *out, const struct text_table_form *form);

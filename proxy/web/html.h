#pragma once

/*
 * Pieces of HTML, written to a stream: everything that comes from a file, a
 * server or a peer is escaped here. Nothing has a style or a script of its own,
 * so that the page's policy can forbid both.
 */

#include "core/base.h"

#include <stdio.h>

/* Between tags, or within the quotes of an attribute. */
void html_text(FILE *out, const char *text);

/* "2026-11-22 10:00:01Z", and the exact time for programs; "": nothing. */
void html_time(FILE *out, const char *iso);

/* A word of `status`, with a class of its name. */
void html_state(FILE *out, const char *word);

/* ` NAME="VALUE"`, behind a tag's name. */
void html_attribute(FILE *out, const char *name, const char *value);

/* Cells of a row. */
void html_cell(FILE *out, const char *text);
void html_cell_head(FILE *out, const char *text); /* its first */
void html_cell_number(FILE *out, int64_t n);
void html_cell_rate(FILE *out, double n);   /* with one decimal below ten */
void html_cell_limit(FILE *out, int64_t n); /* 0: nothing */
void html_cell_state(FILE *out, const char *word);
void html_cell_time(FILE *out, const char *iso);

/* Up to the first row: `columns` ends with NULL. Then html_table_end(). */
void html_table(
    FILE *out, const char *id, const char *caption, const char *const *columns);
void html_table_end(FILE *out);

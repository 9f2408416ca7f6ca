#pragma once

/*
 * The mistakes in one configuration file, collected while it is loaded and
 * printed at the end, in the order of the file:
 *
 *	FILE:LINE:COLUMN: error: TEXT
 *	   16 |     listen: "*:21050"
 *	      |             ^~~~~~~~~
 *
 * A warning is printed like one, and is none: what the file says is possible,
 *and perhaps not meant.
 *
 * Keeps the first DIAG_KEPT mistakes of the file and counts the others, so that
 * a hostile file costs no more than a wrong one. What is printed is clean: no
 * control character of the file reaches a terminal. Every function takes a
 * NULL diag. One owner, no threads.
 */

#include "core/base.h"

#include <stdio.h>

#define DIAG_KEPT 50

struct diag;

/* From `column` up to, not with, `end_column`; characters, counted from 1. */
struct diag_place {
	unsigned line, column; /* line 0: the file as a whole */
	unsigned end_line, end_column;
};

/* Empty. NULL where memory is out. */
struct diag *diag_new(void);
void diag_free_at(struct diag **d); /* for CLEANUP */

/*
 * What is being read. Both are copied; `text` may be NULL: no source lines.
 * Forgets the mistakes in what was read before. Returns 0 or -ENOMEM.
 */
MUST_CHECK int diag_start(
    struct diag *d, const char *name, const char *text, size_t len);

/*
 * The same mistake at the same place is kept once. Returns -EINVAL, for whoever
 * ends with that.
 */
int diag_error(struct diag *d, const struct diag_place *at, const char *format,
    ...) PRINTF_LIKE(3, 4);

void diag_warning(struct diag *d, const struct diag_place *at,
    const char *format, ...) PRINTF_LIKE(3, 4);

/* The other place that the last error has to do with; one for each error. */
void diag_note(struct diag *d, const struct diag_place *at, const char *format,
    ...) PRINTF_LIKE(3, 4);

/* All mistakes, also those that are not kept; no warnings. */
size_t diag_count(const struct diag *d);

void diag_print(const struct diag *d, FILE *out);

/*
 * `text` (len bytes) as a message may quote it: cut after `max` characters
 * with "…", control characters as "?". Writes a string, returns its length;
 * `room` of max * 4 + 4 always does.
 */
size_t diag_quote(
    const char *text, size_t len, size_t max, char *ret_text, size_t room);

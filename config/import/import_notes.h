#pragma once

/*
 * What an import has to say to the person who asked for it: a line for each
 * thing that did not come over as it was, FILE:LINE: LEVEL: TEXT. Kept in the
 * order of files and lines; of a hostile file no more than IMPORT_NOTES_KEPT.
 * What is printed is clean: no control character of a file reaches a terminal.
 */

#include "core/base.h"

#include <stdio.h>

#define IMPORT_NOTES_KEPT 2000

/* Of the files by their number; line 0: the file as a whole. */
struct import_notes_place {
	unsigned file, line;
};

enum import_notes_level {
	IMPORT_NOTES_ERROR,   /* something is lacking, or is to be filled in */
	IMPORT_NOTES_WARNING, /* it is there, and not quite what it was */
	IMPORT_NOTES_NOTE,    /* hapair does it by itself, or needs it not */
	IMPORT_NOTES_LEVELS,
};

struct import_notes_item;

struct import_notes {
	const char *const *names; /* of the files; borrowed */
	struct import_notes_item *all;
	size_t n, room;
	size_t left_out; /* no room for them */
	size_t counts[IMPORT_NOTES_LEVELS];
	bool failed; /* memory is out */
};

void import_notes_error(struct import_notes *n, struct import_notes_place at,
    const char *format, ...) PRINTF_LIKE(3, 4);
void import_notes_warning(struct import_notes *n, struct import_notes_place at,
    const char *format, ...) PRINTF_LIKE(3, 4);
void import_notes_note(struct import_notes *n, struct import_notes_place at,
    const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Takes back what was said since there were `n_before`, but for errors: it was
 * about a part that is left out as a whole.
 */
void import_notes_forget(struct import_notes *n, size_t n_before);

/* Sorts them. */
void import_notes_print(struct import_notes *n, FILE *out);

void import_notes_fini(struct import_notes *n);

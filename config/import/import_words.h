#pragma once

/*
 * Words of another program, and what becomes of each: those that an import
 * reads, those that say nothing here, and those that have no counterpart, with
 * what to do instead. One that is in no table is named, with the one that was
 * probably meant.
 */

#include "config/import/import_notes.h"

/*
 * `says` NULL: it is read. "": it says nothing here. "!...": a warning, since
 * something behaves differently. Else a note. A '*' is the rest of the word.
 */
struct import_words_row {
	const char *word, *says;
	unsigned values; /* words behind it that belong to it */
};

struct import_words_table {
	const char *what;
	const struct import_words_row *rows;
	size_t n;
};

enum import_words_fate {
	IMPORT_WORDS_READ,    /* by the caller */
	IMPORT_WORDS_SILENT,  /* it is so here, or has no meaning here */
	IMPORT_WORDS_TOLD,    /* a note has said it */
	IMPORT_WORDS_UNKNOWN, /* an error has said it */
};

/* NULL: it is not there. */
const struct import_words_row *import_words_find(
    const struct import_words_table *t, const char *word);

/* Says what is to be said of the word. */
enum import_words_fate import_words_look(struct import_notes *notes,
    struct import_notes_place at, const struct import_words_table *t,
    const char *word);

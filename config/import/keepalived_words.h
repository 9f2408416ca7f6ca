#pragma once

/*
 * The words of keepalived, by the block that they stand in, and what becomes of
 * each. Pure tables.
 */

#include "config/import/import_words.h"

enum keepalived_words_scope {
	KEEPALIVED_WORDS_FILE,
	KEEPALIVED_WORDS_GLOBAL,
	KEEPALIVED_WORDS_INSTANCE,
	KEEPALIVED_WORDS_SCRIPT,
	KEEPALIVED_WORDS_SYNC,
};

/* What is to be done about a word; see import_words_look(). */
enum import_words_fate keepalived_words_look(struct import_notes *notes,
    struct import_notes_place at, enum keepalived_words_scope scope,
    const char *word);

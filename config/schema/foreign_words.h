#pragma once

/*
 * Words of haproxy and keepalived, and what they are called here: for whoever
 * writes a file of ours by habit, or gives us one of theirs.
 *
 * Pure.
 */

#include "core/base.h"

#define FOREIGN_WORDS_TEXT 256

/*
 * Of a key that a table lacks, by the table's `what`: "haproxy's 'bind' is
 * 'listen' here". Blanks, '-' and '_' are all the same. NULL: no such word;
 * else `ret_text`, and in `ret_key` the table's key that it stands for, NULL
 * where it is none.
 */
const char *foreign_words_key(const char *what, const char *typed,
    char ret_text[static FOREIGN_WORDS_TEXT], const char **ret_key);

/* Of a value of a key: what it is here, or NULL. */
const char *foreign_words_value(const char *key, const char *typed);

/*
 * Whose file this is, "haproxy" or "keepalived", by its first line that says
 * something, which is line `*ret_line`. NULL: of neither.
 */
const char *foreign_words_file(
    const char *text, size_t len, unsigned *ret_line);

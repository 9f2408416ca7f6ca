#pragma once

/*
 * The text of a keepalived.conf as a tree: a line of words, and the lines
 * between its braces. Comments, quotes and `$VARIABLES` are resolved; lines for
 * one host only (`@HOST ...`) are read for the one that is asked for. Says
 * nothing of what the words mean.
 */

#include "config/import/import_notes.h"

struct import_plan;

#define KEEPALIVED_TEXT_WORDS_MAX 128
#define KEEPALIVED_TEXT_DEPTH_MAX 16
#define KEEPALIVED_TEXT_HOSTS_MAX 4

struct keepalived_text_line {
	struct keepalived_text_line *next;         /* beside it */
	struct keepalived_text_line *first, *last; /* between its braces */
	struct import_notes_place at;
	const char *const *words; /* one at least, and a NULL behind them */
	size_t n;
	bool has_block;
};

struct keepalived_text {
	struct keepalived_text_line root;             /* without words */
	const char *hosts[KEEPALIVED_TEXT_HOSTS_MAX]; /* of its `@HOST` */
	size_t n_hosts;
};

/*
 * Of file number `file`, as `host` reads it; NULL: as one that no `@HOST` is
 * about. What is wrong goes to the plan's notes.
 */
struct keepalived_text keepalived_text_read(struct import_plan *plan,
    unsigned file, const char *host, const char *text, size_t len);

/* The first line below that begins with the word, or NULL. */
const struct keepalived_text_line *keepalived_text_find(
    const struct keepalived_text_line *below, const char *word);

/* Of that line the word at `i`; NULL where either is not there. */
const char *keepalived_text_value(
    const struct keepalived_text_line *below, const char *word, size_t i);

/*
 * All words behind the first of a line (NULL: it has none) as one text, of
 * `room` bytes. False: there is no room for all of them.
 */
bool keepalived_text_join(
    const struct keepalived_text_line *l, char *buf, size_t room);

#pragma once

/*
 * The text of a haproxy.cfg as lines of words: quotes, escapes and comments
 * are resolved as haproxy does it, the environment's variables are filled in,
 * and conditional blocks are decided. Says nothing of what the words mean.
 */

#include "config/import/import_notes.h"

struct import_plan;

/* More than haproxy takes (MAX_LINE_ARGS is 64): what is behind is left out. */
#define HAPROXY_TEXT_WORDS_MAX 128

struct haproxy_text_line {
	struct import_notes_place at;
	const char *const *words; /* one at least, and a NULL behind them */
	size_t n;
};

struct haproxy_text_variable;

/* What `setenv` and the like say, from one file to the next. */
struct haproxy_text_env {
	struct haproxy_text_variable *first;
	size_t n; /* more than are kept: so many were set */
};

struct haproxy_text {
	struct haproxy_text_line *lines;
	size_t n;
};

/* Of file number `file`. What is wrong goes to the plan's notes. */
struct haproxy_text haproxy_text_read(struct import_plan *plan,
    struct haproxy_text_env *env, unsigned file, const char *text, size_t len);

#pragma once

/*
 * The words of haproxy, by where they stand, and what becomes of each. Pure
 * tables.
 */

#include "config/import/import_words.h"

enum haproxy_words_scope {
	HAPROXY_WORDS_SECTION,
	HAPROXY_WORDS_GLOBAL,
	HAPROXY_WORDS_PROXY,
	HAPROXY_WORDS_OPTION, /* behind `option` */
	HAPROXY_WORDS_TIMEOUT,
	HAPROXY_WORDS_BIND, /* behind its address */
	HAPROXY_WORDS_SERVER,
};

/* What is to be done about a word; see import_words_look(). */
enum import_words_fate haproxy_words_look(struct import_notes *notes,
    struct import_notes_place at, enum haproxy_words_scope scope,
    const char *word);

/* Whether a line that begins with it begins a section. */
bool haproxy_words_is_section(const char *word);

/* How many words behind a parameter of `bind` or `server` are its value. */
unsigned haproxy_words_values(enum haproxy_words_scope scope, const char *word);

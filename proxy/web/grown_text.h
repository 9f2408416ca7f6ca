#pragma once

/*
 * A text that is written once, from its begin to its end, into memory that
 * grows: without the lock, the copies and the calls of a FILE. Where memory is
 * out that is remembered, and shows when the text is taken.
 */

#include "core/base.h"

struct grown_text {
	char *bytes;
	size_t len, room;
	bool failed;
};

/* So much room at first; what is more grows by half. */
void grown_text_init(struct grown_text *t, size_t room);
void grown_text_fini(struct grown_text *t); /* takes zeroes */

void grown_text_put(struct grown_text *t, const void *bytes, size_t len);
void grown_text_put_string(struct grown_text *t, const char *text);
void grown_text_put_number(struct grown_text *t, int64_t value);

/* Malloc'd, with a NUL behind it; NULL: memory was out. It is empty then. */
char *grown_text_take(struct grown_text *t, size_t *ret_len);

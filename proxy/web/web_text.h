#pragma once

/*
 * A text that is an answer, made once for all who ask, and counted with all
 * others until its last reader is done: there is a bound for them together.
 */

#include "proxy/web/web_request.h"

struct web_content;

/* Those that are not freed. */
struct web_text_all {
	size_t bytes;
};

struct web_text {
	struct web_text_all *all;
	size_t len;
	char *bytes;
};

/* NULL: memory is out, or too many still read what was before. */
struct web_text *web_text_new(struct web_text_all *all,
    struct web_content *content, enum web_request what);
void web_text_free(void *text);

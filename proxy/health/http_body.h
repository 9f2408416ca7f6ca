#pragma once

/* The body of an answer, as it comes: as much of it as is kept. */

#include "core/base.h"

/* From zeroes. */
struct http_body {
	char *text; /* NULL: nothing came yet */
	size_t len, room;
	bool cut; /* there was more than HTTP_CLIENT_BODY_MAX */
	bool out_of_memory;
};

/* False where no more is wanted, or memory is out. */
MUST_CHECK bool http_body_add(
    struct http_body *b, const char *data, size_t len);

/* With a NUL behind it. */
const char *http_body_text(const struct http_body *b);

void http_body_free(struct http_body *b);

#include "proxy/health/http_body.h"

#include "proxy/health/http_client.h"

#include <stdlib.h>
#include <string.h>

/* Reading is cheap, and most pages are a few KiB. */
#define ROOM 8192

bool
http_body_add(struct http_body *b, const char *data, size_t len)
{
	const size_t fits = HTTP_CLIENT_BODY_MAX - b->len;

	b->cut = len > fits;
	if (b->cut)
		len = fits;
	if (b->len + len >= b->room) {
		const size_t room = (b->len + len) * 2 + ROOM;
		char *more = realloc(b->text, room);

		b->out_of_memory = more == NULL;
		if (more == NULL)
			return false;
		b->text = more;
		b->room = room;
	}
	memcpy(b->text + b->len, data, len);
	b->len += len;
	b->text[b->len] = '\0';
	return !b->cut;
}

const char *
http_body_text(const struct http_body *b)
{
	return b->text == NULL ? "" : b->text;
}

void
http_body_free(struct http_body *b)
{
	free(b->text);
	*b = (struct http_body){ .text = NULL };
}

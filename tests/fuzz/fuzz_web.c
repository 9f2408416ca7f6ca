/*
 * Any bytes as what a stranger sends to the page: a path, and behind a NUL the
 * headers Accept and Authorization; and the same as lines of events, in pieces.
 * What is let in is what has the password, and what is kept is bounded.
 */

#include "proxy/web/event_lines.h"
#include "proxy/web/page_json.h"
#include "proxy/web/shared_text.h"
#include "proxy/web/web_auth.h"
#include "proxy/web/web_request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "u:p" */
#define RIGHT "dTpw"

/* The next text, up to a NUL; NULL: there is none. */
static char *
next_text(const uint8_t **data, size_t *size)
{
	const size_t len = strnlen((const char *)*data, *size);
	char *text;

	if (*size == 0)
		return NULL;
	text = strndup((const char *)*data, len);
	assert(text != NULL);
	*data += len < *size ? len + 1 : len;
	*size -= len < *size ? len + 1 : len;
	return text;
}

static void
ask(const uint8_t *data, size_t size)
{
	static struct web_auth auth;
	CLEANUP(free_str) char *path = next_text(&data, &size);
	CLEANUP(free_str) char *accept = next_text(&data, &size);
	CLEANUP(free_str) char *authorization = next_text(&data, &size);

	if (!auth.wanted && web_auth_init(&auth, "u", "p") < 0)
		abort();
	if (path != NULL) {
		const enum web_request what = web_request_of(path, accept);

		assert(what <= WEB_REQUEST_UNKNOWN);
		assert(web_request_type(what) != NULL);
	}
	if (web_auth_is_right(&auth, authorization)) {
		assert(strncasecmp(authorization, "basic ", 6) == 0);
		assert(strstr(authorization, RIGHT) != NULL);
	}
}

static void
feed(const uint8_t *data, size_t size)
{
	struct event_lines *l = calloc(1, sizeof(*l));
	const char *at[PAGE_JSON_EVENTS];
	size_t lens[PAGE_JSON_EVENTS], n;
	struct shared_text *text;

	assert(l != NULL);
	for (size_t i = 0; i < size;) {
		const size_t piece = data[i] % 64u + 1;
		const size_t len = size - i < piece ? size - i : piece;

		event_lines_take(l, (const char *)data + i, len);
		i += len;
	}
	text = event_lines_text(l);
	assert(text != NULL && l->n <= EVENT_LINES_MAX);
	assert(text->len <= size + 1);
	n = page_json_last_lines(text->text, text->len, at, lens);
	for (size_t i = 0; i < n; i++)
		assert(memchr(at[i], '\n', lens[i]) == NULL);
	shared_text_let_go(&text);
	event_lines_fini(l);
	free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ask(data, size);
	feed(data, size);
	return 0;
}

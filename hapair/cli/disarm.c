#include "hapair/cli/disarm.h"

#include "config/yaml/utf8.h"
#include "core/json_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT "..."
/* Of the longest character, each byte of it shown. */
#define SHOWN_MAX (4 * sizeof("\\xNN"))

struct text {
	const char *at;
	size_t left;
	bool lines; /* it may have more than one */
};

static size_t
show_bytes(const char *at, size_t n, char buf[static SHOWN_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, SHOWN_MAX - len, "\\x%02x",
		    (unsigned char)at[i]);
	return len;
}

/* The next character as it is shown; returns how many bytes it takes. */
static size_t
show_next(const struct text *t, char buf[static SHOWN_MAX], size_t *ret_len)
{
	const char *at = t->at;
	uint32_t point = 0;
	size_t n = utf8_decode(at, t->left, &point);

	if (n > 0 &&
	    (utf8_is_printable(point) || (point == '\n' && t->lines))) {
		memcpy(buf, at, n);
		*ret_len = n;
		return n;
	}
	n = n > 0 ? n : 1;
	*ret_len = show_bytes(at, n, buf);
	return n;
}

/* As nearly every text is: no byte of it has to be looked at as a character. */
static bool
is_plain(const char *text)
{
	while (*text >= ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

static void
disarm(const char *text, bool lines, char *buf, size_t room)
{
	struct text t = { .at = text, .left = strlen(text), .lines = lines };
	char shown[SHOWN_MAX];
	size_t len = 0, shown_len;

	if (t.left + sizeof(CUT) <= room && is_plain(text)) {
		memcpy(buf, text, t.left + 1);
		return;
	}
	while (t.left > 0) {
		const size_t n = show_next(&t, shown, &shown_len);

		if (len + shown_len + sizeof(CUT) > room) {
			memcpy(buf + len, CUT, sizeof(CUT));
			return;
		}
		memcpy(buf + len, shown, shown_len);
		len += shown_len;
		t.at += n;
		t.left -= n;
	}
	buf[len] = '\0';
}

static void
disarm_text(const char *text, char *buf, size_t room)
{
	disarm(text, false, buf, room);
}

static void
disarm_lines(const char *text, char *buf, size_t room)
{
	disarm(text, true, buf, room);
}

int
disarm_answer(struct json_doc *answer, bool lines)
{
	const size_t room = lines ? DISARM_LINES : DISARM_TEXT;
	CLEANUP(free_str) char *buf = malloc(room);

	if (buf == NULL)
		return -ENOMEM;
	return json_doc_change_strings(
	    answer, lines ? disarm_lines : disarm_text, buf, room);
}

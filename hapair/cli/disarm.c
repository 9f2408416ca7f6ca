#include "hapair/cli/disarm.h"

#include "config/yaml/utf8.h"
#include "core/json_doc.h"

#include <stdio.h>
#include <string.h>

#define CUT "..."
/* Of the longest character, each byte of it shown. */
#define SHOWN_MAX (4 * sizeof("\\xNN"))

static size_t
show_bytes(const char *at, size_t n, char buf[static SHOWN_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, SHOWN_MAX - len, "\\x%02x",
		    (unsigned char)at[i]);
	return len;
}

/* The next character as it is shown; returns the bytes of it in `at`. */
static size_t
show_next(
    const char *at, size_t left, char buf[static SHOWN_MAX], size_t *ret_len)
{
	uint32_t point = 0;
	size_t n = utf8_decode(at, left, &point);

	if (n > 0 && utf8_is_printable(point)) {
		memcpy(buf, at, n);
		*ret_len = n;
		return n;
	}
	n = n > 0 ? n : 1;
	*ret_len = show_bytes(at, n, buf);
	return n;
}

static void
disarm(const char *text, char *buf, size_t room)
{
	size_t left = strlen(text), len = 0, n, shown_len;
	char shown[SHOWN_MAX];

	while (left > 0) {
		n = show_next(text, left, shown, &shown_len);
		if (len + shown_len + sizeof(CUT) > room) {
			memcpy(buf + len, CUT, sizeof(CUT));
			return;
		}
		memcpy(buf + len, shown, shown_len);
		len += shown_len;
		text += n;
		left -= n;
	}
	buf[len] = '\0';
}

int
disarm_answer(struct json_doc *answer)
{
	char buf[DISARM_TEXT];

	return json_doc_change_strings(answer, disarm, buf, sizeof(buf));
}

#include "proxy/web/grown_text.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 4096

void
grown_text_init(struct grown_text *t, size_t room)
{
	*t = (struct grown_text){ .bytes = malloc(room + 1) };
	t->room = t->bytes != NULL ? room : 0;
}

void
grown_text_fini(struct grown_text *t)
{
	free(t->bytes);
	*t = (struct grown_text){ .len = 0 };
}

/* For so many more, and the NUL behind them. */
static bool
make_room(struct grown_text *t, size_t len)
{
	size_t room = t->room + t->room / 2;
	char *bytes;

	if (room < t->len + len)
		room = t->len + len;
	if (room < LEAST_ROOM)
		room = LEAST_ROOM;
	bytes = realloc(t->bytes, room + 1);
	if (bytes == NULL) {
		t->failed = true;
		return false;
	}
	t->bytes = bytes;
	t->room = room;
	return true;
}

void
grown_text_put(struct grown_text *t, const void *bytes, size_t len)
{
	if (len == 0 || t->failed ||
	    (t->room - t->len < len && !make_room(t, len)))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void
grown_text_put_string(struct grown_text *t, const char *text)
{
	grown_text_put(t, text, strlen(text));
}

void
grown_text_put_number(struct grown_text *t, int64_t value)
{
	uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	if (value < 0)
		digits[--at] = '-';
	grown_text_put(t, digits + at, sizeof(digits) - at);
}

char *
grown_text_take(struct grown_text *t, size_t *ret_len)
{
	char *bytes = NULL;

	if (t->bytes == NULL && !t->failed)
		(void)make_room(t, 0);
	if (!t->failed) {
		t->bytes[t->len] = '\0';
		bytes = t->bytes;
		t->bytes = NULL;
		*ret_len = t->len;
	}
	grown_text_fini(t);
	return bytes;
}

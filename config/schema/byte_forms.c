#include "config/schema/byte_forms.h"

#include "config/config.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <stdio.h>
#include <string.h>

static const char hex_mark[] = "hex:";

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two digits, or -1. */
static int
byte_of(const char *text)
{
	const int high = digit_of(text[0]);
	const int low = high < 0 ? -1 : digit_of(text[1]);

	return low < 0 ? -1 : high * 16 + low;
}

/* What follows a backslash; its length, 0 where it is no escape. */
static size_t
unescape(const char *text, uint8_t *ret_byte)
{
	static const char names[] = "rnt\\";
	static const char meant[] = "\r\n\t\\";
	const char *name = text[0] == '\0' ? NULL : strchr(names, text[0]);

	if (name != NULL) {
		*ret_byte = (uint8_t)meant[name - names];
		return 1;
	}
	if (text[0] != 'x' || byte_of(text + 1) < 0)
		return 0;
	*ret_byte = (uint8_t)byte_of(text + 1);
	return 3;
}

/* How many bytes it is; 0: it is not well written, or too long. */
static size_t
read_text(const char *text, uint8_t bytes[static BYTE_FORMS_MAX])
{
	size_t n = 0;

	while (*text != '\0') {
		size_t len = 1;

		if (n == BYTE_FORMS_MAX)
			return 0;
		bytes[n] = (uint8_t)*text++;
		if (bytes[n++] != '\\')
			continue;
		len = unescape(text, &bytes[n - 1]);
		if (len == 0)
			return 0;
		text += len;
	}
	return n;
}

static size_t
read_hex(const char *text, uint8_t bytes[static BYTE_FORMS_MAX])
{
	size_t n = 0;

	for (; *text != '\0'; text += 2) {
		const int byte = byte_of(text);

		if (byte < 0 || n == BYTE_FORMS_MAX)
			return 0;
		bytes[n++] = (uint8_t)byte;
	}
	return n;
}

static int
parse_bytes(struct schema *s, const struct tree_node *text, void *ret_value)
{
	uint8_t bytes[BYTE_FORMS_MAX], *copy;
	const size_t mark = strlen(hex_mark);
	const bool is_hex = strncmp(text->text, hex_mark, mark) == 0;
	const size_t n = is_hex ? read_hex(text->text + mark, bytes)
	                        : read_text(text->text, bytes);

	if (n == 0) {
		return diag_error(s->diag, &text->at,
		    "'%s' cannot be sent or expected; expected 1 to %d bytes, "
		    "as text with \\r, \\n, \\t, \\\\ and \\xHH, or as "
		    "hex:0d0a",
		    text->shown, BYTE_FORMS_MAX);
	}
	copy = schema_alloc(s, n, 1);
	if (copy == NULL)
		return 0;
	memcpy(copy, bytes, n);
	*(struct config_bytes *)ret_value =
	    (struct config_bytes){ .bytes = copy, .len = n };
	schema_mark(s, ret_value, text);
	return 1;
}

/* One byte, as text: at most four characters. */
static int
print_byte(uint8_t byte, bool plain, char *buf, size_t room)
{
	switch (byte) {
	case '\r':
		return snprintf(buf, room, "\\r");
	case '\n':
		return snprintf(buf, room, "\\n");
	case '\t':
		return snprintf(buf, room, "\\t");
	case '\\':
		return snprintf(buf, room, "\\\\");
	default:
		break;
	}
	if (plain && byte >= ' ' && byte <= '~')
		return snprintf(buf, room, "%c", byte);
	return snprintf(buf, room, "\\x%02x", byte);
}

static const char *
print_bytes(const void *value, char *buf, size_t room)
{
	const struct config_bytes *b = value;
	const size_t mark = strlen(hex_mark);
	const bool looks_like_hex =
	    b->len >= mark && memcmp(b->bytes, hex_mark, mark) == 0;
	size_t used = 0;

	if (b->len == 0)
		return NULL;
	for (size_t i = 0; i < b->len && used + 4 < room; i++)
		used += (size_t)print_byte(b->bytes[i],
		    i > 0 || !looks_like_hex, buf + used, room - used);
	return buf;
}

const struct schema_form byte_forms_bytes = {
	.name = "text with \\r, \\n, \\t, \\\\ and \\xHH, or hex:0d0a",
	.parse = parse_bytes,
	.print = print_bytes,
};

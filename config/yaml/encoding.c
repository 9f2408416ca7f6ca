#include "config/yaml/encoding.h"

#include "config/yaml/diag.h"
#include "config/yaml/utf8.h"

int
encoding_check(const char *text, size_t len, struct diag *diag)
{
	struct diag_place at = { .line = 1, .column = 1, .end_line = 1 };

	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		size_t n = utf8_decode(text + i, len - i, &point);

		at.end_line = at.line;
		at.end_column = at.column + 1;
		if (n == 0)
			return diag_error(diag, &at,
			    "byte 0x%02x is not UTF-8; expected UTF-8 text",
			    (unsigned)(uint8_t)text[i]);
		if (point == '\n' ||
		    (point == '\r' && (i + 1 == len || text[i + 1] != '\n'))) {
			at.line++;
			at.column = 0;
		} else if (point != '\t' && point != '\r' &&
		    !utf8_is_printable(point))
			return diag_error(diag, &at,
			    "the character U+%04X cannot be shown; expected text "
			    "without it",
			    (unsigned)point);
		at.column++;
		i += n;
	}
	return 0;
}

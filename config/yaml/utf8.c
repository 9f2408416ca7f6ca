#include "config/yaml/utf8.h"

#include <string.h>

struct range {
	uint32_t first, last;
};

static bool
is_in(const struct range *ranges, size_t n, uint32_t point)
{
	for (size_t i = 0; i < n; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

/* Bytes that follow the first one, or -1 where it cannot be the first. */
static int
bytes_after(uint8_t first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first <= 0xdf)
		return 1;
	if (first >= 0xe0 && first <= 0xef)
		return 2;
	if (first >= 0xf0 && first <= 0xf4)
		return 3;
	return -1;
}

size_t
utf8_decode(const char *text, size_t len, uint32_t *ret_point)
{
	/* By the bytes that follow: what is left of the first, the minimum. */
	static const uint8_t mask[] = { 0x7f, 0x1f, 0x0f, 0x07 };
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)text;
	uint32_t point;
	int more;

	if (len == 0)
		return 0;
	more = bytes_after(p[0]);
	if (more < 0 || (size_t)more >= len)
		return 0;
	point = p[0] & mask[more];
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if (point < least[more] || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return (size_t)more + 1;
}

bool
utf8_is_printable(uint32_t point)
{
	static const struct range hidden[] = {
		{ 0x00, 0x1f },
		{ 0x7f, 0x9f },
		{ 0x2028, 0x2029 }, /* line and paragraph separators */
		{ 0x202a, 0x202e }, /* direction of writing */
		{ 0x2066, 0x2069 },
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfffe, 0xffff },
	};

	return !is_in(hidden, ARRAY_LEN(hidden), point);
}

unsigned
utf8_width(uint32_t point)
{
	static const struct range combining[] = {
		{ 0x0300, 0x036f },
		{ 0x200b, 0x200f },
		{ 0x20d0, 0x20ff },
		{ 0xfe00, 0xfe0f },
	};
	static const struct range wide[] = {
		{ 0x1100, 0x115f },
		{ 0x2e80, 0xa4cf },
		{ 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1faff },
		{ 0x20000, 0x3fffd },
	};

	if (is_in(combining, ARRAY_LEN(combining), point))
		return 0;
	return is_in(wide, ARRAY_LEN(wide), point) ? 2 : 1;
}

bool
utf8_is_clean(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		uint32_t point = 0;
		size_t n = utf8_decode(text, len, &point);

		if (n == 0 || !utf8_is_printable(point))
			return false;
		text += n;
		len -= n;
	}
	return true;
}

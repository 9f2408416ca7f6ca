#include "config/yaml/utf8.h"
#include "tests/lib/test.h"

#include <string.h>

static const struct row {
	const char *name, *text;
	size_t bytes;
	uint32_t point;
} rows[] = {
	{ "ASCII", "a", 1, 'a' },
	{ "two bytes", "é", 2, 0xe9 },
	{ "three bytes", "漢", 3, 0x6f22 },
	{ "four bytes", "\xf0\x9f\x98\x80", 4, 0x1f600 },
	{ "the last one", "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
	{ "beyond the last", "\xf4\x90\x80\x80", 0, 0 },
	{ "nothing", "", 0, 0 },
	{ "Latin-1", "\xe9 ", 0, 0 },
	{ "a following byte first", "\x80", 0, 0 },
	{ "cut after one", "\xe6", 0, 0 },
	{ "cut after two", "\xe6\xbc", 0, 0 },
	{ "overlong slash", "\xc0\xaf", 0, 0 },
	{ "overlong in three", "\xe0\x80\xaf", 0, 0 },
	{ "overlong in four", "\xf0\x80\x80\xaf", 0, 0 },
	{ "a surrogate", "\xed\xa0\x80", 0, 0 },
	{ "a byte that never is", "\xff", 0, 0 },
};

static void
only_utf8_is_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		uint32_t point = 0;

		test_row(r->name);
		assert_int_equal(
		    utf8_decode(r->text, strlen(r->text), &point), r->bytes);
		assert_int_equal(point, r->point);
	}
}

static void
what_could_harm_a_terminal_is_not_printable(void **state)
{
	static const uint32_t hidden[] = { 0, 7, 9, 10, 13, 27, 0x7f, 0x85,
		0x9f, 0x2028, 0x2029, 0x202e, 0x2066, 0xfeff, 0xfffe, 0xffff };
	static const uint32_t shown[] = { ' ', '~', 0xa0, 0xe9, 0x2026, 0x6f22,
		0x1f600 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		assert_false(utf8_is_printable(hidden[i]));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		assert_true(utf8_is_printable(shown[i]));
	assert_true(utf8_is_clean("/run/a b/é漢"));
	assert_true(utf8_is_clean(""));
	assert_false(utf8_is_clean("a\nb"));
	assert_false(utf8_is_clean("a\xff"));
}

static void
widths_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(utf8_width('a'), 1);
	assert_int_equal(utf8_width(0xe9), 1);
	assert_int_equal(utf8_width(0x301), 0);
	assert_int_equal(utf8_width(0x6f22), 2);
	assert_int_equal(utf8_width(0x1f600), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_utf8_is_decoded),
		cmocka_unit_test(what_could_harm_a_terminal_is_not_printable),
		cmocka_unit_test(widths_are_those_of_a_terminal),
	};

	TEST_MAIN(tests);
}

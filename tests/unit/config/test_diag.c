#include "config/yaml/diag.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
printed(const struct diag *d)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	diag_print(d, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* One mistake in a text, and what is printed for it. */
static const struct row {
	const char *name, *text;
	struct diag_place at;
	const char *expected;
} rows[] = {
	{ "a word", "a: 1\nkey: value\n", { 2, 6, 2, 11 },
	    "f:2:6: error: wrong\n"
	    "    2 | key: value\n"
	    "      |      ^~~~~\n" },
	{ "a place without length", "ab", { 1, 2, 1, 2 },
	    "f:1:2: error: wrong\n"
	    "    1 | ab\n"
	    "      |  ^\n" },
	{ "behind the end of the line", "ab\nc", { 1, 3, 1, 3 },
	    "f:1:3: error: wrong\n"
	    "    1 | ab\n"
	    "      |   ^\n" },
	{ "behind the end of the file", "ab\n", { 2, 1, 2, 1 },
	    "f:2:1: error: wrong\n"
	    "    2 | \n"
	    "      | ^\n" },
	{ "more than a line", "abc\ndef\n", { 1, 2, 2, 2 },
	    "f:1:2: error: wrong\n"
	    "    1 | abc\n"
	    "      |  ^~\n" },
	{ "a tab is a column", "\tab: c", { 1, 2, 1, 4 },
	    "f:1:2: error: wrong\n"
	    "    1 |  ab: c\n"
	    "      |  ^~\n" },
	{ "letters of two bytes", "éé: é", { 1, 5, 1, 6 },
	    "f:1:5: error: wrong\n"
	    "    1 | éé: é\n"
	    "      |     ^\n" },
	{ "letters of two columns", "漢字: x漢", { 1, 5, 1, 7 },
	    "f:1:5: error: wrong\n"
	    "    1 | 漢字: x漢\n"
	    "      |       ^~~\n" },
	{ "control characters", "a\033[31m: b", { 1, 1, 1, 2 },
	    "f:1:1: error: wrong\n"
	    "    1 | a?[31m: b\n"
	    "      | ^\n" },
	{ "not UTF-8", "a\xff: b", { 1, 4, 1, 5 },
	    "f:1:4: error: wrong\n"
	    "    1 | a?: b\n"
	    "      |    ^\n" },
	{ "lines of another system", "a\r\nb\rc\n", { 3, 1, 3, 2 },
	    "f:3:1: error: wrong\n"
	    "    3 | c\n"
	    "      | ^\n" },
	{ "the file as a whole", "a", { 0, 0, 0, 0 }, "f: error: wrong\n" },
};

static void
a_mistake_is_shown_where_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		CLEANUP(diag_free_at) struct diag *d = diag_new();
		CLEANUP(free_str) char *text = NULL;

		test_row(r->name);
		assert_int_equal(
		    diag_start(d, "f", r->text, strlen(r->text)), 0);
		diag_error(d, &r->at, "wrong");
		text = printed(d);
		assert_text(text, r->expected);
	}
}

static void
a_long_line_is_cut_around_the_place(void **state)
{
	CLEANUP(diag_free_at) struct diag *d = diag_new();
	CLEANUP(free_str) char *text = NULL;
	const struct diag_place at = { 1, 501, 1, 503 };
	char line[1001];

	(void)state;
	memset(line, '.', 1000);
	memcpy(line + 500, "XY", 2);
	line[1000] = '\0';
	assert_int_equal(diag_start(d, "f", line, 1000), 0);
	diag_error(d, &at, "wrong");
	text = printed(d);
	assert_text(text,
	    "f:1:501: error: wrong\n"
	    "    1 | …........................................XY"
	    "..........................................................…\n"
	    "      |                                          ^~\n");
}

static void
mistakes_are_in_the_order_of_the_file(void **state)
{
	static const struct diag_place places[] = { { 3, 1, 3, 2 },
		{ 1, 2, 1, 3 }, { 1, 1, 1, 2 }, { 0, 0, 0, 0 }, { 3, 1, 3, 2 },
		{ 1, 2, 1, 3 } };
	CLEANUP(diag_free_at) struct diag *d = diag_new();
	CLEANUP(free_str) char *text = NULL;

	(void)state;
	assert_int_equal(diag_start(d, "f", NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		diag_error(d, &places[i], "mistake %zu", i);
	diag_note(d, &places[0], "of the last");
	assert_int_equal(diag_count(d), 6);
	text = printed(d);
	assert_text(text,
	    "f: error: mistake 3\n"
	    "f:1:1: error: mistake 2\n"
	    "f:1:2: error: mistake 1\n"
	    "f:1:2: error: mistake 5\n"
	    "f:3:1: note: of the last\n"
	    "f:3:1: error: mistake 0\n"
	    "f:3:1: error: mistake 4\n");
}

static void
the_same_mistake_is_told_once(void **state)
{
	const struct diag_place at = { 1, 1, 1, 2 };
	CLEANUP(diag_free_at) struct diag *d = diag_new();
	CLEANUP(free_str) char *text = NULL;

	(void)state;
	assert_int_equal(diag_start(d, "f", NULL, 0), 0);
	diag_error(d, &at, "wrong");
	diag_error(d, &at, "wrong");
	diag_note(d, &at, "of a mistake that was not kept");
	assert_int_equal(diag_count(d), 1);
	text = printed(d);
	assert_text(text, "f:1:1: error: wrong\n");
}

/* Told backwards: the first of the file stay, whenever they are found. */
static void
the_first_ones_are_kept_and_the_others_counted(void **state)
{
	CLEANUP(diag_free_at) struct diag *d = diag_new();
	CLEANUP(free_str) char *text = NULL;

	(void)state;
	assert_int_equal(diag_start(d, "f", NULL, 0), 0);
	for (unsigned line = 1000; line > 0; line--) {
		const struct diag_place at = { line, 1, line, 2 };

		diag_error(d, &at, "wrong");
		diag_note(d, &at, "here");
	}
	for (unsigned line = 1000; line < 2000; line++) {
		const struct diag_place at = { line, 2, line, 2 };

		diag_error(d, &at, "wrong");
		diag_note(d, &at, "lost");
	}
	assert_int_equal(diag_count(d), 2000);
	text = printed(d);
	assert_memory_equal(
	    text, "f:1:1: error: wrong\nf:1:1: note: here\n", 38);
	assert_non_null(strstr(text, "\nf:50:1: error: wrong\n"));
	assert_null(strstr(text, "\nf:51:1: "));
	assert_null(strstr(text, "lost"));
	assert_non_null(strstr(text, "\nf: error: and 1950 more\n"));
}

static void
a_new_text_begins_without_mistakes(void **state)
{
	const struct diag_place at = { 1, 1, 1, 2 };
	CLEANUP(diag_free_at) struct diag *d = diag_new();

	(void)state;
	assert_int_equal(diag_start(d, "f", "a", 1), 0);
	diag_error(d, &at, "wrong");
	assert_int_equal(diag_start(d, "g", "b", 1), 0);
	assert_int_equal(diag_count(d), 0);
}

static void
messages_are_clean_and_cut(void **state)
{
	const struct diag_place at = { 0 };
	CLEANUP(diag_free_at) struct diag *d = diag_new();
	CLEANUP(free_str) char *text = NULL;
	char value[2000];

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	value[0] = '\033';
	assert_int_equal(diag_start(d, "f", NULL, 0), 0);
	diag_error(d, &at, "'%s' is wrong", value);
	text = printed(d);
	assert_memory_equal(text, "f: error: '?xxxx", 16);
	assert_true(strlen(text) < 700);
}

static void
quotes_are_cut_at_letters(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(diag_quote("abc", 3, 3, buf, sizeof(buf)), 3);
	assert_text(buf, "abc");
	(void)diag_quote("abcd", 4, 3, buf, sizeof(buf));
	assert_text(buf, "abc…");
	(void)diag_quote("ééé", 6, 2, buf, sizeof(buf));
	assert_text(buf, "éé…");
	(void)diag_quote("a\0b\nc\xff", 6, 9, buf, sizeof(buf));
	assert_text(buf, "a?b?c?");
	(void)diag_quote("abcdefgh", 8, 99, buf, 8);
	assert_text(buf, "abcd…");
}

static void
nothing_takes_offence_at_null(void **state)
{
	const struct diag_place at = { 0 };

	(void)state;
	diag_error(NULL, &at, "wrong");
	diag_note(NULL, &at, "wrong");
	assert_int_equal(diag_count(NULL), 0);
	assert_int_equal(diag_start(NULL, "f", "", 0), 0);
	diag_print(NULL, stderr);
	diag_free_at(&(struct diag *){ NULL });
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_is_shown_where_it_is),
		cmocka_unit_test(a_long_line_is_cut_around_the_place),
		cmocka_unit_test(mistakes_are_in_the_order_of_the_file),
		cmocka_unit_test(the_same_mistake_is_told_once),
		cmocka_unit_test(
		    the_first_ones_are_kept_and_the_others_counted),
		cmocka_unit_test(a_new_text_begins_without_mistakes),
		cmocka_unit_test(messages_are_clean_and_cut),
		cmocka_unit_test(quotes_are_cut_at_letters),
		cmocka_unit_test(nothing_takes_offence_at_null),
	};

	TEST_MAIN(tests);
}

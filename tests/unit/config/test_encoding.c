#include "config/yaml/diag.h"
#include "config/yaml/encoding.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct row {
	const char *name, *text;
	size_t len;
	const char *said; /* NULL: it is text */
} rows[] = {
	{ "nothing", "", 0, NULL },
	{ "lines of three systems", "a\nb\r\nc\rd", 8, NULL },
	{ "tabs and letters", "\té漢\n", 7, NULL },
	{ "Latin-1", "a\nb\xe9 c", 6,
	    "f:2:2: error: byte 0xe9 is not UTF-8; expected UTF-8 text\n" },
	{ "cut in a letter", "\xe6\xbc", 2,
	    "f:1:1: error: byte 0xe6 is not UTF-8; expected UTF-8 text\n" },
	{ "a NUL", "a\0b", 3,
	    "f:1:2: error: the character U+0000 cannot be shown; expected "
	    "text without it\n" },
	{ "an escape after a letter", "é\033", 3,
	    "f:1:2: error: the character U+001B cannot be shown; expected "
	    "text without it\n" },
	{ "a line break of libyaml alone", "a\xc2\x85", 3,
	    "f:1:2: error: the character U+0085 cannot be shown; expected "
	    "text without it\n" },
	{ "a carriage return, then something", "a\r\rb\x01", 5,
	    "f:3:2: error: the character U+0001 cannot be shown; expected "
	    "text without it\n" },
};

static void
a_file_is_text_and_nothing_but_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(free_str) char *said = NULL;
		size_t len;
		FILE *out = open_memstream(&said, &len);

		test_row(r->name);
		assert_non_null(out);
		assert_int_equal(diag_start(diag, "f", NULL, 0), 0);
		assert_int_equal(encoding_check(r->text, r->len, diag),
		    r->said == NULL ? 0 : -EINVAL);
		diag_print(diag, out);
		assert_int_equal(fclose(out), 0);
		assert_text(said, r->said == NULL ? "" : r->said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_text_and_nothing_but_text),
	};

	TEST_MAIN(tests);
}

#include "hapair/cli/disarm.h"

#include "core/json_doc.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static const struct row {
	const char *name, *text, *shown; /* in quotes: JSON */
} rows[] = {
	{ "plain", "peer silent for 150 ms", "peer silent for 150 ms" },
	{ "not of ASCII", "büro …", "büro …" },
	{ "an escape", "\\u001b[2Jgone", "\\x1b[2Jgone" },
	{ "a forged line", "up\\nroot# ", "up\\x0aroot# " },
	{ "a return", "up\\rdown\\u007f", "up\\x0ddown\\x7f" },
	{ "an escape of one character", "\\u009b2J", "\\xc2\\x9b2J" },
	{ "writing backwards", "a\\u202eb", "a\\xe2\\x80\\xaeb" },
};

static void
nothing_in_it_speaks_to_a_terminal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_doc_free_at) struct json_doc *d = NULL;
		const struct json_doc *deep;
		char text[200];

		test_row(rows[i].name);
		(void)snprintf(text, sizeof(text),
		    "{\"error\": \"%s\", \"a\": [1, {\"b\": [\"%s\"]}]}",
		    rows[i].text, rows[i].text);
		d = json_doc_parse(text, strlen(text));
		assert_non_null(d);
		assert_int_equal(disarm_answer(d, false), 0);
		assert_text(json_doc_string(d, "error"), rows[i].shown);
		deep = json_doc_get(json_doc_at(json_doc_get(d, "a"), 1), "b");
		assert_text(
		    json_doc_text_value(json_doc_at(deep, 0)), rows[i].shown);
	}
}

/* Between two characters, and with a mark. */
static void
what_is_endless_is_cut(void **state)
{
	char text[2 * DISARM_TEXT] = "", expected[DISARM_TEXT] = "";
	CLEANUP(json_doc_free_at) struct json_doc *d = json_doc_new();

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "ü", 2);
	memcpy(expected, text, DISARM_TEXT - 4);
	memcpy(expected + DISARM_TEXT - 4, "...", 4);
	json_doc_put_string(d, "text", text);
	assert_int_equal(disarm_answer(d, false), 0);
	assert_text(json_doc_string(d, "text"), expected);
}

static void
a_list_of_mistakes_keeps_its_lines(void **state)
{
	CLEANUP(json_doc_free_at) struct json_doc *d = json_doc_new();

	(void)state;
	json_doc_put_string(d, "error", "a\nb\r\n\033[2J");
	assert_int_equal(disarm_answer(d, true), 0);
	assert_text(json_doc_string(d, "error"), "a\nb\\x0d\n\\x1b[2J");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_it_speaks_to_a_terminal),
		cmocka_unit_test(what_is_endless_is_cut),
		cmocka_unit_test(a_list_of_mistakes_keeps_its_lines),
	};

	TEST_MAIN(tests);
}

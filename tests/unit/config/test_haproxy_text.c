/* How a line of haproxy's becomes words. */
#include "config/import/haproxy_text.h"

#include "config/import/import_plan.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

static const char *
env(const char *name)
{
	return strcmp(name, "SET") == 0 ? "a b" : NULL;
}

/* All words with '|' behind each, and lines with '/'. */
static const struct row {
	const char *name, *text, *words;
	size_t errors;
} rows[] = {
	{ "nothing", "", "", 0 },
	{ "blanks and comments", " \t a  b # c\n# d\n\n e#f\n", "a|b|/e|/", 0 },
	{ "quotes", "a 'b c' \"d e\" f'g 'h\n", "a|b c|d e|fg h|/", 0 },
	{ "nothing in quotes", "a \"\" b\n", "a||b|/", 0 },
	{ "escapes", "a b\\ c \\# \\\\ \\x41\\r\n", "a|b c|#|\\|A\r|/", 0 },
	{ "of a pattern", "a ^\\.x \"\\d\"\n", "a|^\\.x|\\d|/", 0 },
	{ "nothing counts in ''", "a '\\ \"$SET'\n", "a|\\ \"$SET|/", 0 },
	{ "a variable", "a \"$SET\" \"x${SET}y\"\n", "a|a b|xa by|/", 0 },
	{ "only in quotes", "a $SET ${SET}\n", "a|$SET|${SET}|/", 0 },
	{ "but in addresses", "bind $SET:80\n", "bind|a b:80|/", 0 },
	{ "one that is not set", "a \"$NO\" \"${NO}\"\n", "a|$NO|${NO}|/", 1 },
	{ "with a default", "a \"${NO-x}\"\n", "a|x|/", 0 },
	{ "set by the file", "setenv NO y\na \"$NO\"\n", "setenv|NO|y|/a|y|/",
	    0 },
	{ "no name behind it", "a \"$\" \"$-\" \"${}\"\n", "a|$|$-|${}|/", 0 },
	{ "a quote that stays open", "a 'b c\nd\n", "a|b c|/d|/", 1 },
	{ "a variable at the end", "a \"$SET", "a|a b|/", 1 },
	{ "a backslash at the end", "a \\", "a|\\|/", 0 },
	{ "the other branch", ".if 0\na\n.elif 1\nb\n.else\nc\n.endif\nd\n",
	    "b|/d|/", 0 },
	{ "a branch in another", ".if 0\n.if 1\na\n.endif\n.else\nb\n.endif\n",
	    "b|/", 0 },
	{ "defined",
	    ".if defined(SET)\na\n.endif\n.if !defined(SET)\nb\n"
	    ".endif\n",
	    "a|/", 0 },
	{ "carriage returns", "a b\r\nc\r\n", "a|b|/c|/", 0 },
};

static void
lines_become_words_as_haproxy_reads_them(void **state)
{
	static const char *const names[] = { "f" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct import_plan plan = { .env = env,
			.notes = { .names = names } };
		struct haproxy_text_env vars = { .first = NULL };
		const size_t len = strlen(row->text);
		/* Without a NUL behind it, as a file is. */
		CLEANUP(free_str) char *text = malloc(len + (len == 0));
		struct haproxy_text t;
		char words[256] = "";

		assert_non_null(text);
		memcpy(text, row->text, len);
		t = haproxy_text_read(&plan, &vars, 0, text, len);

		test_row(row->name);
		for (size_t k = 0; k < t.n; k++) {
			for (size_t w = 0; w < t.lines[k].n; w++) {
				(void)strcat(words, t.lines[k].words[w]);
				(void)strcat(words, "|");
			}
			(void)strcat(words, "/");
		}
		assert_text(words, row->words);
		assert_int_equal(
		    plan.notes.counts[IMPORT_NOTES_ERROR], row->errors);
		import_plan_fini(&plan);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_words_as_haproxy_reads_them),
	};

	TEST_MAIN(tests);
}

/* How a file of keepalived's becomes a tree. */
#include "config/import/keepalived_text.h"

#include "config/import/import_plan.h"
#include "tests/lib/test.h"

#include <string.h>

/* Words with '|' behind each, blocks in braces. */
static const struct row {
	const char *name, *host, *text, *tree;
	size_t errors;
} rows[] = {
	{ "nothing", NULL, "", "", 0 },
	{ "words and comments", NULL, "a b ! c\n# d\ne#f\n", "a|b|e|", 0 },
	{ "a block", NULL, "a {\n b c\n}\nd\n", "a|{b|c|}d|", 0 },
	{ "its brace on a line of its own", NULL, "a x\n{\n b\n}\n", "a|x|{b|}",
	    0 },
	{ "on one line", NULL, "a { b c }\n", "a|{b|c|}", 0 },
	{ "without blanks", NULL, "a{b}\n", "a|{b|}", 0 },
	{ "in one another", NULL, "a {\n b {\n c\n }\n d\n}\n", "a|{b|{c|}d|}",
	    0 },
	{ "quotes", NULL, "a \"b {c} #d\" 'e f'\n", "a|b {c} #d|e f|", 0 },
	{ "a quote in quotes", NULL, "a \"b \\\"c\\\"\"\n", "a|b \"c\"|", 0 },
	{ "a variable", NULL, "$X=b c\na $X ${X}d\n", "a|b|c|b|cd|", 0 },
	{ "one that is not defined", NULL, "a $X ${Y} {\n}\n", "a|$X|${Y}|{}",
	    0 },
	{ "one at the end", NULL, "a $X", "a|$X|", 0 },
	{ "for nobody", NULL, "@h a\n@^h b\nc\n", "b|c|", 0 },
	{ "for one host", "h", "@h a\n@^h b\n@i d\nc\n", "a|c|", 0 },
	{ "a brace too many", NULL, "}\na\n", "a|", 1 },
	{ "a brace too few", NULL, "a {\n", "a|{}", 1 },
	{ "a brace of nothing", NULL, "{\n a\n}\n", "|{a|}", 1 },
	{ "a quote that stays open", NULL, "a \"b\nc\n", "a|b|c|", 1 },
};

static void
flatten(const struct keepalived_text_line *of, char *buf)
{
	for (const struct keepalived_text_line *l = of->first; l != NULL;
	     l = l->next) {
		for (size_t i = 0; i < l->n; i++) {
			(void)strcat(buf, l->words[i]);
			(void)strcat(buf, "|");
		}
		if (l->has_block)
			(void)strcat(buf, "{");
		flatten(l, buf);
		if (l->has_block)
			(void)strcat(buf, "}");
	}
}

static void
lines_become_a_tree_as_keepalived_reads_them(void **state)
{
	static const char *const names[] = { "f" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct import_plan plan = { .notes = { .names = names } };
		const size_t len = strlen(row->text);
		/* Without a NUL behind it, as a file is. */
		CLEANUP(free_str) char *text = malloc(len + (len == 0));
		struct keepalived_text t;
		char tree[256] = "";

		assert_non_null(text);
		memcpy(text, row->text, len);
		t = keepalived_text_read(&plan, 0, row->host, text, len);
		test_row(row->name);
		flatten(&t.root, tree);
		assert_text(tree, row->tree);
		assert_int_equal(
		    plan.notes.counts[IMPORT_NOTES_ERROR], row->errors);
		import_plan_fini(&plan);
	}
}

static void
blocks_without_an_end_are_bounded(void **state)
{
	static const char *const names[] = { "f" };
	struct import_plan plan = { .notes = { .names = names } };
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "a{", 2);
	(void)keepalived_text_read(&plan, 0, NULL, text, sizeof(text));
	assert_true(plan.notes.counts[IMPORT_NOTES_ERROR] >= 1);
	import_plan_fini(&plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_a_tree_as_keepalived_reads_them),
		cmocka_unit_test(blocks_without_an_end_are_bounded),
	};

	TEST_MAIN(tests);
}

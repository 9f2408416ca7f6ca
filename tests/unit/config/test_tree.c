#include "config/yaml/diag.h"
#include "config/yaml/tree.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tree as text: what is in it, and nothing of how it was written. */
static void
show(const struct tree_node *n, FILE *out)
{
	switch (n->type) {
	case TREE_TEXT:
		(void)fprintf(out, n->is_plain ? "%s" : "'%s'", n->text);
		break;
	case TREE_LIST:
	case TREE_MAP:
		(void)fputs(n->type == TREE_LIST ? "[" : "{", out);
		for (size_t i = 0; i < n->n_items; i++) {
			if (i > 0)
				(void)fputc(' ', out);
			show(n->items[i], out);
		}
		(void)fputs(n->type == TREE_LIST ? "]" : "}", out);
		break;
	}
}

static char *
shown(const char *text, struct diag *diag)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	char *said = NULL;
	size_t len;
	FILE *out;
	int r = diag_start(diag, "f", text, strlen(text));

	assert_int_equal(r, 0);
	r = tree_parse(text, strlen(text), diag, &t);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		assert_null(t);
		assert_int_equal(diag_count(diag), 1);
		return NULL;
	}
	out = open_memstream(&said, &len);
	assert_non_null(out);
	if (tree_root(t) != NULL)
		show(tree_root(t), out);
	assert_int_equal(fclose(out), 0);
	return said;
}

static const struct row {
	const char *text, *tree; /* NULL: refused */
} rows[] = {
	{ "", "" },
	{ "# a comment\n", "" },
	{ "---\n", "" },
	{ "a", "a" },
	{ "a: 1", "{a 1}" },
	{ "a: no\nb: 010\nc: 1:20", "{a no b 010 c 1:20}" },
	{ "a: \"1\"\nb: '2'", "{a '1' b '2'}" },
	{ "a:\nb: ''", "{a  b ''}" },
	{ "a: {b: [c, {d: e}]}", "{a {b [c {d e}]}}" },
	{ "- a\n- - b\n  - c\n", "[a [b c]]" },
	{ "a: [10.0.0.1:80, fd00::1/64]", "{a [10.0.0.1:80 fd00::1/64]}" },
	{ "a: &x [1, 2]\nb: *x", "{a [1 2] b [1 2]}" },
	{ "a: &x 1\nb: &x 2\nc: *x", "{a 1 b 2 c 2}" },
	{ "&x a: 1\nb: *x", "{a 1 b a}" },
	{ "a: |\n  b\n  c\n", "{a 'b\nc\n'}" },
	{ "%YAML 1.1\n---\na: 1\n...\n", "{a 1}" },
	{ "a: [", NULL },
	{ "a: *x", NULL },
	{ "a: &x [*x]", NULL },
	{ "a: *:80", NULL },
	{ "a: [b]:80", NULL },
	{ "a: b: c", NULL },
	{ "a: !!str b", NULL },
	{ "a: !x [b]", NULL },
	{ "a: ! {b: c}", NULL },
	{ "<<: {a: b}", NULL },
	{ "[a]: b", NULL },
	{ "{{a: b}: c}", NULL },
	{ "a: 1\n---\nb: 1", NULL },
	{ "a: \"\\0\"", NULL },
	{ "a: b\n\tc: d", NULL },
	{ "a: \x01", NULL },
	{ "a: \xff", NULL },
	{ "a: @b", NULL },
};

static void
text_becomes_a_tree_or_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(diag_free_at) struct diag *diag = diag_new();
		CLEANUP(free_str) char *said = NULL;

		test_row(rows[i].text);
		said = shown(rows[i].text, diag);
		assert_text(said, rows[i].tree);
		assert_int_equal(diag_count(diag), said == NULL);
	}
}

static void
the_first_of_a_key_stays(void **state)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(free_str)
	char *said =
	    shown("b: 1\na: 2\nb: 3\nc: 4\nb: 5\n&x d: 6\n*x : 7\n", diag);

	(void)state;
	assert_text(said, "{b 1 a 2 c 4 d 6}");
	assert_int_equal(diag_count(diag), 3);
}

static void
nodes_know_their_places(void **state)
{
	static const char text[] = "a: 1\nkey:\n  - {b: \"x y\"}\n";
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(tree_free_at) struct tree *t = NULL;
	const struct tree_node *list, *b;

	(void)state;
	assert_int_equal(diag_start(diag, "f", text, strlen(text)), 0);
	assert_int_equal(tree_parse(text, strlen(text), diag, &t), 0);
	list = tree_get(tree_root(t), "key");
	assert_non_null(list);
	assert_null(tree_get(tree_root(t), "ke"));
	assert_int_equal(list->at.line, 3);
	assert_int_equal(list->at.column, 3);
	b = tree_get(list->items[0], "b");
	assert_int_equal(b->at.line, 3);
	assert_int_equal(b->at.column, 9);
	assert_int_equal(b->at.end_line, 3);
	assert_int_equal(b->at.end_column, 14);
	assert_int_equal(list->items[0]->at.column, 6); /* its first key */
}

static void
nothing_is_what_yaml_takes_for_nothing(void **state)
{
	static const char text[] = "[ ~, null, '', \"null\", nil, 0 ]";
	static const bool none[] = { true, true, false, false, false, false };
	CLEANUP(tree_free_at) struct tree *t = NULL;

	(void)state;
	assert_int_equal(tree_parse(text, strlen(text), NULL, &t), 0);
	assert_int_equal(tree_root(t)->n_items, ARRAY_LEN(none));
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_int_equal(tree_root(t)->items[i]->is_none, none[i]);
}

static void
long_values_are_cut_in_messages_only(void **state)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(tree_parse(text, sizeof(text), NULL, &t), 0);
	assert_int_equal(strlen(tree_root(t)->text), sizeof(text));
	assert_int_equal(strlen(tree_root(t)->shown), 60 + strlen("…"));
}

/* `depth` lists in each other. */
static int
parse_depth(size_t depth)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	char text[200];

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	return tree_parse(text, 2 * depth, NULL, &t);
}

static void
depth_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(parse_depth(TREE_DEPTH_MAX), 0);
	assert_int_equal(parse_depth(TREE_DEPTH_MAX + 1), -EINVAL);
}

/* Each level is ten of the one before: `levels` of them. */
static int
parse_bomb(unsigned levels)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	(void)fputs("k0: &a0 x\n", out);
	for (unsigned i = 1; i <= levels; i++) {
		(void)fprintf(out, "k%u: &a%u [", i, i);
		for (unsigned j = 0; j < 10; j++)
			(void)fprintf(out, "*a%u,", i - 1);
		(void)fputs("]\n", out);
	}
	assert_int_equal(fclose(out), 0);
	return tree_parse(text, len, NULL, &t);
}

static void
aliases_count_as_what_they_stand_for(void **state)
{
	(void)state;
	assert_int_equal(parse_bomb(4), 0);
	assert_int_equal(parse_bomb(5), 0);
	assert_int_equal(parse_bomb(6), -EINVAL);
	assert_int_equal(parse_bomb(24), -EINVAL);
}

/* Not when all of them are there: at the first that is too many. */
static void
too_many_values_are_noticed_at_once(void **state)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(tree_free_at) struct tree *t = NULL;
	CLEANUP(free_str) char *text = NULL;
	char said[64] = "";
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < TREE_NODES_MAX + 1000; i++)
		(void)fputs("- x\n", out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(diag_start(diag, "f", NULL, 0), 0);
	assert_int_equal(tree_parse(text, len, diag, &t), -EINVAL);
	out = fmemopen(said, sizeof(said), "w");
	assert_non_null(out);
	diag_print(diag, out);
	(void)fclose(out);
	assert_memory_equal(said, "f:200001:3: error: ", 19);
}

static void
anchors_are_bounded(void **state)
{
	CLEANUP(tree_free_at) struct tree *t = NULL;
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < TREE_ANCHORS_MAX; i++)
		(void)fprintf(out, "- &a%u x\n", i);
	assert_int_equal(fflush(out), 0);
	assert_int_equal(tree_parse(text, len, NULL, &t), 0);
	tree_free_at(&t);
	(void)fputs("- &more x\n", out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(tree_parse(text, len, NULL, &t), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_a_tree_or_is_refused),
		cmocka_unit_test(the_first_of_a_key_stays),
		cmocka_unit_test(nodes_know_their_places),
		cmocka_unit_test(nothing_is_what_yaml_takes_for_nothing),
		cmocka_unit_test(long_values_are_cut_in_messages_only),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(aliases_count_as_what_they_stand_for),
		cmocka_unit_test(too_many_values_are_noticed_at_once),
		cmocka_unit_test(anchors_are_bounded),
	};

	TEST_MAIN(tests);
}

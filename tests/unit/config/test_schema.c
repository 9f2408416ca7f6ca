/* The engine, by a table of its own: what the product's tables do not use. */
#include "config/arena.h"
#include "config/schema/schema.h"
#include "config/schema/value_forms.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"
#include "core/addr.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inner {
	uint8_t small;
	bool flag;
};

struct item {
	const char *name;
	struct inner inner;
};

struct outer {
	uint32_t ms;
	uint16_t middle;
	unsigned word;
	struct inner inner, maybe;
	bool has_maybe;
	struct item *items;
	size_t n_items;
	struct item pair[2];
	uint32_t seconds;
	bool has_ip;
	union addr ip;
	struct inner either;
	uint8_t named[2];
	bool has_named;
	const char *names[2];
};

static const struct schema_key inner_keys[] = {
	{ "small", SCHEMA_NUMBER, SCHEMA_AT(struct inner, small), .min = 0,
	    .max = 255, .fallback = "7", .help = "." },
	{ "flag", SCHEMA_BOOL, SCHEMA_AT(struct inner, flag),
	    .fallback = "true", .help = "." },
};

static const struct schema_table inner_table = { "inner", inner_keys,
	ARRAY_LEN(inner_keys) };

static const struct schema_key item_keys[] = {
	{ "name", SCHEMA_NAME, SCHEMA_AT(struct item, name), .max = 8,
	    .required = true, .help = "." },
	{ "inner", SCHEMA_MAP, SCHEMA_AT(struct item, inner),
	    .table = &inner_table, .inherit = true, .help = "." },
};

static const struct schema_table item_table = { "an item", item_keys,
	ARRAY_LEN(item_keys) };

static void
born(void *item, const void *parent)
{
	((struct item *)item)->inner = ((const struct outer *)parent)->inner;
}

static const struct schema_list items_list = {
	.count_at = offsetof(struct outer, n_items),
	.item_size = sizeof(struct item),
	.table = &item_table,
	.born = born,
};

static const struct schema_list pair_list = {
	.item_size = sizeof(struct item),
	.in_place = true,
	.table = &item_table,
};

/* One of `small` and `other`; `flag` goes with the one of them. */
static const struct schema_key either_keys[] = {
	{ "small", SCHEMA_NUMBER, SCHEMA_AT(struct inner, small), .min = 1,
	    .max = 9, .choice = true, .help = "." },
	{ "other", SCHEMA_NUMBER, SCHEMA_AT(struct inner, small), .min = 10,
	    .max = 99, .choice = true, .help = "." },
	{ "flag", SCHEMA_BOOL, SCHEMA_AT(struct inner, flag),
	    .fallback = "true", .with = "other", .help = "." },
};

static const struct schema_table either_table = { "either", either_keys,
	ARRAY_LEN(either_keys) };

static const char *
name_at(const void *base, size_t i)
{
	return ((const struct outer *)base)->names[i];
}

static const char *const words[] = { "red", "green", NULL };

static const struct schema_key outer_keys[] = {
	{ "ms", SCHEMA_DURATION, SCHEMA_AT(struct outer, ms), .min = 1,
	    .max = 5000, .fallback = "1s", .help = "." },
	{ "middle", SCHEMA_NUMBER, SCHEMA_AT(struct outer, middle), .min = 1,
	    .max = 65535, .zero = "none", .fallback = "none", .help = "." },
	{ "word", SCHEMA_WORD, SCHEMA_AT(struct outer, word), .words = words,
	    .fallback = "green", .help = "." },
	{ "inner", SCHEMA_MAP, SCHEMA_AT(struct outer, inner),
	    .table = &inner_table, .help = "." },
	{ "maybe", SCHEMA_MAP, SCHEMA_AT(struct outer, maybe),
	    .table = &inner_table, .optional = true,
	    .present_at = offsetof(struct outer, has_maybe), .help = "." },
	{ "items", SCHEMA_LIST, SCHEMA_AT(struct outer, items), .min = 1,
	    .max = 3, .list = &items_list, .help = "." },
	{ "pair", SCHEMA_LIST, SCHEMA_AT(struct outer, pair), .min = 2,
	    .max = 2, .list = &pair_list, .help = "." },
	{ "seconds", SCHEMA_DURATION, SCHEMA_AT(struct outer, seconds),
	    .min = 0, .max = 60000, .in_seconds = true, .help = "." },
	{ "ip", SCHEMA_OTHER, SCHEMA_AT(struct outer, ip),
	    .form = &value_forms_ip, .optional = true,
	    .present_at = offsetof(struct outer, has_ip), .help = "." },
	{ "either", SCHEMA_MAP, SCHEMA_AT(struct outer, either),
	    .table = &either_table, .help = "." },
	{ "named", SCHEMA_MAP, SCHEMA_AT(struct outer, named), .min = 1,
	    .max = 50, .name_at = name_at, .what = "the file", .optional = true,
	    .present_at = offsetof(struct outer, has_named), .help = "." },
};

static const struct schema_table outer_table = { "the file", outer_keys,
	ARRAY_LEN(outer_keys) };

struct load {
	struct diag *diag;
	struct tree *tree;
	struct schema schema;
	struct arena memory;
	struct outer outer;
	char *said;
};

static void
load(struct load *l, const char *text)
{
	size_t len;
	FILE *out;

	*l = (struct load){ .diag = diag_new(),
		.outer.names = { "left", "right" } };
	l->schema.diag = l->diag;
	l->schema.memory = &l->memory;
	assert_int_equal(diag_start(l->diag, "f", NULL, 0), 0);
	assert_int_equal(tree_parse(text, strlen(text), l->diag, &l->tree), 0);
	schema_fill(&l->schema, &outer_table, tree_root(l->tree), &l->outer);
	assert_false(l->schema.out_of_memory);
	out = open_memstream(&l->said, &len);
	assert_non_null(out);
	diag_print(l->diag, out);
	assert_int_equal(fclose(out), 0);
}

static void
unload(struct load *l)
{
	arena_fini(&l->memory);
	schema_fini(&l->schema);
	tree_free_at(&l->tree);
	diag_free_at(&l->diag);
	free(l->said);
}

static void
what_is_absent_gets_its_default(void **state)
{
	struct load l;

	(void)state;
	load(&l, "{}");
	assert_text(l.said, "");
	assert_int_equal(l.outer.ms, 1000);
	assert_int_equal(l.outer.middle, 0);
	assert_int_equal(l.outer.word, 1);
	assert_int_equal(l.outer.inner.small, 7);
	assert_true(l.outer.inner.flag);
	assert_false(l.outer.has_maybe);
	assert_int_equal(l.outer.maybe.small, 0);
	assert_int_equal(l.outer.n_items, 0);
	assert_false(l.outer.has_ip);
	unload(&l);
}

static void
values_go_to_fields_of_their_width(void **state)
{
	struct load l;

	(void)state;
	load(&l,
	    "ms: 5s\nmiddle: 65535\nword: red\n"
	    "inner: {small: 255, flag: false}\nmaybe: {small: 1}\n"
	    "seconds: 2000ms\nip: 10.0.0.1\n");
	assert_text(l.said, "");
	assert_int_equal(l.outer.ms, 5000);
	assert_int_equal(l.outer.middle, 65535);
	assert_int_equal(l.outer.word, 0);
	assert_int_equal(l.outer.inner.small, 255);
	assert_false(l.outer.inner.flag);
	assert_true(l.outer.has_maybe);
	assert_int_equal(l.outer.maybe.small, 1);
	assert_true(l.outer.maybe.flag);
	assert_int_equal(l.outer.seconds, 2000);
	assert_true(l.outer.has_ip);
	assert_int_equal(l.outer.ip.sa.sa_family, AF_INET);
	unload(&l);
}

/* Also where the file has them in the other order. */
static void
an_item_inherits_key_by_key(void **state)
{
	struct load l;

	(void)state;
	load(&l,
	    "items:\n- name: a\n- {name: b, inner: {flag: true}}\n"
	    "- {name: c, inner: {small: 3}}\n"
	    "inner: {small: 9, flag: false}\n");
	assert_text(l.said, "");
	assert_int_equal(l.outer.n_items, 3);
	assert_int_equal(l.outer.items[0].inner.small, 9);
	assert_false(l.outer.items[0].inner.flag);
	assert_int_equal(l.outer.items[1].inner.small, 9);
	assert_true(l.outer.items[1].inner.flag);
	assert_int_equal(l.outer.items[2].inner.small, 3);
	assert_false(l.outer.items[2].inner.flag);
	unload(&l);
}

static void
a_list_of_one_is_its_item(void **state)
{
	struct load l;

	(void)state;
	load(&l, "items: {name: a}\n");
	assert_text(l.said, "");
	assert_int_equal(l.outer.n_items, 1);
	assert_text(l.outer.items[0].name, "a");
	unload(&l);
}

static void
values_know_where_they_came_from(void **state)
{
	struct load l;

	(void)state;
	load(&l, "word: red\nitems:\n- name: a\n- name: b!\n");
	source_marks_sort(&l.schema.marks);
	assert_text(l.said,
	    "f:4:9: error: 'b!' is not a name; expected at most 8 letters, "
	    "digits, '_', '-' and '.', not beginning with '-' or '.'\n");
	assert_int_equal(
	    source_marks_get(&l.schema.marks, &l.outer.word)->at.line, 1);
	assert_int_equal(
	    source_marks_get(&l.schema.marks, &l.outer.items[0].name)->at.line,
	    3);
	assert_int_equal(
	    source_marks_get(&l.schema.marks, &l.outer.items)->n_items, 2);
	/* Neither defaults nor what was refused. */
	assert_null(source_marks_get(&l.schema.marks, &l.outer.ms));
	assert_null(source_marks_get(&l.schema.marks, &l.outer.items[1].name));
	unload(&l);
}

static void
all_mistakes_are_told_and_the_rest_is_filled(void **state)
{
	struct load l;

	(void)state;
	load(&l,
	    "ms: 6s\nmidle: 1\nword: blue\ninner: 3\nmaybe: {small: 256}\n"
	    "items: [{name: a}, {nam: b}, {name: c}, {name: d}]\n"
	    "pair: {name: a}\nseconds: 1001ms\nip: 10.0.0\n");
	assert_text(l.said,
	    "f:1:5: error: '6s' is out of range; expected a duration from 1ms "
	    "to 5s\n"
	    "f:2:1: error: unknown key 'midle'; did you mean 'middle'?\n"
	    "f:3:7: error: unknown word 'blue'; expected red or green\n"
	    "f:4:8: error: 'inner' wants keys, found '3'; expected, for example, "
	    "'small: ...'\n"
	    "f:5:16: error: '256' is out of range; expected a number from 0 "
	    "to 255\n"
	    "f:6:8: error: 4 in 'items'; expected at most 3\n"
	    "f:6:21: error: unknown key 'nam'; did you mean 'name'?\n"
	    "f:7:8: error: 1 in 'pair'; this version expects exactly 2\n"
	    "f:8:10: error: '1001ms' has a fraction; expected a duration from "
	    "0s to 1m in whole seconds\n"
	    "f:9:5: error: '10.0.0' is not an address; expected an IP "
	    "address\n");
	assert_false(l.outer.has_ip);
	assert_int_equal(l.outer.n_items, 3);
	assert_text(l.outer.items[2].name, "c");
	assert_text(l.outer.pair[0].name, "a");
	unload(&l);
}

static void
of_keys_that_exclude_each_other_one_is_wanted(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "either: {small: 3}", "" },
		{ "either: {other: 30}", "" },
		{ "either: {}",
		    "f:1:9: error: either lacks one of the keys small or "
		    "other, which is required\n" },
		{ "either: {flag: true}",
		    "f:1:10: error: 'flag' belongs to 'other', which is missing here\n"
		    "f:1:10: error: either lacks one of the keys small or "
		    "other, which is required\n" },
		{ "either: {other: 30, small: 3}",
		    "f:1:10: error: 'other' beside 'small'; either has one of "
		    "the keys small or other\n"
		    "f:1:21: note: the first one\n" },
		{ "either: {small: 3, flag: false}",
		    "f:1:20: error: 'flag' belongs to 'other', which is missing here\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct load l;

		test_row(rows[i].text);
		load(&l, rows[i].text);
		assert_text(l.said, rows[i].said);
		unload(&l);
	}
}

/* No default for what would mean nothing. */
static void
a_default_comes_with_the_key_it_belongs_to(void **state)
{
	struct load l;

	(void)state;
	load(&l, "either: {small: 3}");
	assert_false(l.outer.either.flag);
	unload(&l);
	load(&l, "either: {other: 30}");
	assert_true(l.outer.either.flag);
	unload(&l);
	load(&l, "either: {other: 30, flag: false}");
	assert_false(l.outer.either.flag);
	unload(&l);
}

static void
a_map_may_have_names_of_the_file_as_its_keys(void **state)
{
	struct load l;

	(void)state;
	load(&l, "named: {right: 50}");
	assert_text(l.said, "");
	assert_true(l.outer.has_named);
	assert_int_equal(l.outer.named[0], 0);
	assert_int_equal(l.outer.named[1], 50);
	source_marks_sort(&l.schema.marks);
	assert_non_null(source_marks_get(&l.schema.marks, &l.outer.named[1]));
	unload(&l);
	load(&l, "named: {rigth: 50, left: 51}");
	assert_text(l.said,
	    "f:1:9: error: unknown key 'rigth'; did you mean 'right'?\n"
	    "f:1:26: error: '51' is out of range; expected a number from 1 to "
	    "50\n");
	unload(&l);
	load(&l, "named: {}");
	assert_text(l.said,
	    "f:1:8: error: 'named' is empty; expected keys such as "
	    "'left'\n");
	unload(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_absent_gets_its_default),
		cmocka_unit_test(values_go_to_fields_of_their_width),
		cmocka_unit_test(an_item_inherits_key_by_key),
		cmocka_unit_test(a_list_of_one_is_its_item),
		cmocka_unit_test(values_know_where_they_came_from),
		cmocka_unit_test(all_mistakes_are_told_and_the_rest_is_filled),
		cmocka_unit_test(of_keys_that_exclude_each_other_one_is_wanted),
		cmocka_unit_test(a_default_comes_with_the_key_it_belongs_to),
		cmocka_unit_test(a_map_may_have_names_of_the_file_as_its_keys),
	};

	TEST_MAIN(tests);
}

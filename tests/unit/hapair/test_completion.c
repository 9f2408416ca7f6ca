/* What a shell is told of a line that is being typed. */
#include "hapair/cli/completion.h"

#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

static const struct row {
	const char *typed; /* behind `hapair`; a blank at its end: a new word */
	const char *offered;
} rows[] = {
	{ "st", "status" },
	{ "re", "release resume reload" },
	{ "role", "" }, /* not for people */
	{ "--", "--help --version" },
	{ "x", "" },
	{ "x ", "" },
	{ "x y ", "" },
	/* Options, and what follows them. */
	{ "status -", "-c -s --json --short --watch --help" },
	{ "status --j", "--json" },
	{ "status -c ", "" }, /* a file */
	{ "status -c x -", "-c -s --json --short --watch --help" },
	{ "status ", "" },
	{ "run --node ", "n1 n2" },
	{ "run --node n2 --d", "--daemon" },
	{ "check --host --node n", "n1 n2" },
	/* Names. */
	{ "server ", "web web/s1 web/[::1]:80" },
	{ "server web/", "web/s1 web/[::1]:80" },
	{ "server -s x web/[", "web/[::1]:80" },
	{ "server web/s1 ", "ready drain maint weight= activate reset" },
	{ "server -c x web/s1 re", "ready reset" },
	{ "server web/s1 -s x w", "weight=" },
	{ "server web/s1 drain ", "" },
	{ "connections w", "web web/s1 web/[::1]:80" },
	{ "kill ", "web web/s1 web/[::1]:80" },
	{ "handover ", "g1" },
	{ "handover g1 ", "" },
	{ "handover g1 --d", "--dry-run" },
	{ "handover --dry-run ", "g1" },
	{ "pause ", "" },
	/* What is below keytab, in each of its forms. */
	{ "keytab ", "list merge verify flags" },
	{ "keytab v", "verify" },
	{ "keytab verify ", "" },
	{ "keytab x ", "" },
	{ "keytab verify --", "--principal --help" },
	{ "keytab flags --", "--vip --host --port --lint --vip --host --help" },
	{ "keytab merge -o x --p", "--principal --proxy" },
	{ "completion ", "bash zsh fish" },
	{ "help ke", "keytab keys" },
};

static void
give_names(struct completion *c, enum completion_kind kind)
{
	static const char *const names[][4] = {
		[COMPLETION_SERVERS] = { "web", "web/s1", "web/[::1]:80" },
		[COMPLETION_GROUPS] = { "g1" },
		[COMPLETION_NODES] = { "n1", "n2" },
	};

	for (size_t i = 0; names[kind][i] != NULL; i++)
		completion_offer(c, names[kind][i]);
}

static void
each_line_is_completed_by_what_may_come_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_str) char *copy = strdup(rows[i].typed);
		CLEANUP(free_str) char *said = NULL;
		const char *words[WORDS_MAX];
		size_t len;
		struct completion c = { .words = words, .names = give_names };

		test_row(rows[i].typed);
		for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL;)
			words[c.n_words++] = word;
		c.out = open_memstream(&said, &len);
		completion_print(&c);
		assert_int_equal(fclose(c.out), 0);
		for (char *at = said; (at = strchr(at, '\n')) != NULL;)
			*at = at[1] != '\0' ? ' ' : '\0';
		assert_text(said, rows[i].offered);
	}
}

static void
the_value_of_an_option_is_found_where_it_is_complete(void **state)
{
	const char *const words[] = { "server", "-c", "x", "-s", "" };
	const struct completion c = { .words = words,
		.n_words = ARRAY_LEN(words) };

	(void)state;
	assert_text(completion_value(&c, "-c"), "x");
	assert_null(completion_value(&c, "-s"));
	assert_null(completion_value(&c, "-x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_completed_by_what_may_come_next),
		cmocka_unit_test(
		    the_value_of_an_option_is_found_where_it_is_complete),
	};

	TEST_MAIN(tests);
}

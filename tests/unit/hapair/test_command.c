/* How the options of all commands are read. */
#include "hapair/cli/command.h"

#include "tests/lib/test.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
	const char *name;
	const char *argv[6]; /* behind the command's own name */
	int status;
	const char *file, *node, *first, *second;
	int there;
} rows[] = {
	{ "nothing", { NULL }, COMMAND_DONE, NULL, NULL, NULL, NULL, 0 },
	{ "a letter", { "-c", "f" }, COMMAND_DONE, "f", NULL, NULL, NULL, 0 },
	{ "stuck to it", { "-cf" }, COMMAND_DONE, "f", NULL, NULL, NULL, 0 },
	{ "a name", { "--node", "x" }, COMMAND_DONE, NULL, "x", NULL, NULL, 0 },
	{ "with =", { "--node=x" }, COMMAND_DONE, NULL, "x", NULL, NULL, 0 },
	{ "one that takes nothing", { "--host" }, COMMAND_DONE, NULL, NULL,
	    NULL, NULL, 'h' },
	{ "the later of two", { "--host", "--print" }, COMMAND_DONE, NULL, NULL,
	    NULL, NULL, 'p' },
	{ "words, before and behind", { "a", "-c", "f", "b" }, COMMAND_DONE,
	    "f", NULL, "a", "b", 0 },
	{ "what looks like an option", { "--", "-c" }, COMMAND_DONE, NULL, NULL,
	    "-c", NULL, 0 },
	{ "a word too many", { "a", "b", "c" }, COMMAND_WRONG, NULL, NULL, "a",
	    "b", 0 },
	{ "no such letter", { "-x" }, COMMAND_WRONG, NULL, NULL, NULL, NULL,
	    0 },
	{ "no such name", { "--nothing" }, COMMAND_WRONG, NULL, NULL, NULL,
	    NULL, 0 },
	{ "the letter of one with a name", { "-n", "x" }, COMMAND_WRONG, NULL,
	    NULL, NULL, NULL, 0 },
	{ "no word behind it", { "-c" }, COMMAND_WRONG, NULL, NULL, NULL, NULL,
	    0 },
	{ "a word where none belongs", { "--host=x" }, COMMAND_WRONG, NULL,
	    NULL, NULL, NULL, 0 },
};

static void
assert_word(const char *is, const char *wanted)
{
	if (wanted == NULL)
		assert_null(is);
	else
		assert_text(is, wanted);
}

static void
options_and_words_are_taken_by_their_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const char *file = NULL, *node = NULL;
		const char *first = NULL, *second = NULL;
		int there = 0, argc = 1;
		const struct command_option options[] = {
			{ 'c', .word = &file },
			{ 'n', "node", .word = &node },
			{ 'h', "host", .there = &there },
			{ 'p', "print", .there = &there },
			{ .word = &first },
			{ .word = &second },
		};
		char *argv[8] = { strdup("check") };

		test_row(r->name);
		for (; r->argv[argc - 1] != NULL; argc++)
			argv[argc] = strdup(r->argv[argc - 1]);
		optind = 0; /* glibc's: begin anew */
		assert_int_equal(command_parse("check", argc, argv, options,
		                     ARRAY_LEN(options)),
		    r->status);
		assert_word(file, r->file);
		assert_word(node, r->node);
		assert_word(first, r->first);
		assert_word(second, r->second);
		assert_int_equal(there, r->there);
		for (int k = 0; k < argc; k++)
			free(argv[k]);
	}
}

static void
what_is_not_understood_is_named_whole(void **state)
{
	static const struct {
		const char *odd;
		const char *argv[6];
	} odd_rows[] = {
		{ "-5m", { "-5m" } },
		{ "-5m", { "-c", "f", "-5m" } },
		{ "-5m", { "-cf", "-5m", "-x" } },
		{ "-5m", { "a", "-c", "-x", "b", "-5m" } },
		{ "-x", { "-x", "-xy" } },
		{ "-c", { "a", "-c" } },
		{ "--none=5", { "a", "--none=5", "b" } },
		{ NULL, { "a", "-", "-cf", "--", "-5m" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd_rows); i++) {
		const char *file = NULL, *odd;
		const struct command_option options[] = {
			{ 'c', .word = &file },
		};
		char *argv[8] = { strdup("pause") };
		int argc = 1;
		bool twice;

		for (; odd_rows[i].argv[argc - 1] != NULL; argc++)
			argv[argc] = strdup(odd_rows[i].argv[argc - 1]);
		optind = 0;
		odd = command_options(argc, argv, options, 1, &twice);
		assert_word(odd, odd_rows[i].odd);
		for (int k = 0; k < argc; k++)
			free(argv[k]);
	}
}

static void
what_is_given_several_times_is_counted(void **state)
{
	struct command_words words = { .n = 0 };
	const struct command_option options[] = {
		{ 'p', "principal", .words = &words },
	};
	static char name[] = "merge", option[] = "--principal=x";
	char *argv[COMMAND_WORDS_MAX + 3] = { name };
	bool twice;

	(void)state;
	for (int i = 1; i <= COMMAND_WORDS_MAX + 1; i++)
		argv[i] = option;
	optind = 0;
	assert_null(command_options(
	    COMMAND_WORDS_MAX + 2, argv, options, ARRAY_LEN(options), &twice));
	assert_int_equal(words.n, COMMAND_WORDS_MAX + 1);
	assert_text(words.all[COMMAND_WORDS_MAX - 1], "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_are_taken_by_their_rows),
		cmocka_unit_test(what_is_not_understood_is_named_whole),
		cmocka_unit_test(what_is_given_several_times_is_counted),
	};

	TEST_MAIN(tests);
}

/*
 * `hapair init` as it is typed: by options or by answers it leaves a file and a
 * key, or nothing at all; and never in the place of others.
 */
#include "hapair/cli/command.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 24
#define PAIR                                                                   \
	"--vip 192.0.2.100/24 --here a=192.0.2.1 --peer b=192.0.2.2 "          \
	"--interface eth0 --port 7000 --server 192.0.2.31:7001"

static char path[SCRATCH_PATH_MAX], key[SCRATCH_PATH_MAX];

/* With these words, and with these answers on standard input. */
static int
init(const char *words, const char *answers, char **ret_err)
{
	char name[] = "hapair", command[] = "init", option[] = "-c";
	char *argv[WORDS_MAX + 5] = { name, command, option, path };
	CLEANUP(free_str) char *copy = strdup(words);
	CLEANUP(free_str) char *printed = NULL;
	FILE *const in = stdin, *const out = stdout, *const err = stderr;
	size_t printed_len, err_len;
	int argc = 4, status;

	assert_non_null(copy);
	for (char *at = copy, *word; (word = strsep(&at, " ")) != NULL;)
		if (*word != '\0' && argc < WORDS_MAX + 4)
			argv[argc++] = word;
	*ret_err = NULL;
	stdin = *answers != '\0'
	    ? fmemopen((char *)(uintptr_t)answers, strlen(answers), "r")
	    : fopen("/dev/null", "re");
	stdout = open_memstream(&printed, &printed_len);
	stderr = open_memstream(ret_err, &err_len);
	optind = 0; /* glibc's: begin anew */
	status = command_main(argc, argv);
	(void)fclose(stdin);
	(void)fclose(stdout);
	(void)fclose(stderr);
	stdin = in;
	stdout = out;
	stderr = err;
	return status;
}

static bool
is_there(const char *file)
{
	return access(file, F_OK) == 0;
}

static int
begin(void **state)
{
	(void)scratch_path("hapair.yaml", path);
	(void)scratch_path("pair.key", key);
	(void)unlink(path);
	(void)unlink(key);
	return 0;
}

static void
options_answer_all_questions(void **state)
{
	CLEANUP(free_str) char *said = NULL;
	CLEANUP(free_str) char *text = NULL;
	struct stat st;

	assert_int_equal(init(PAIR " --preset impalad", "", &said), 0);
	assert_text(said, "");
	text = scratch_text("hapair.yaml");
	assert_non_null(strstr(text, "{name: \"a\", address: \"192.0.2.1\", "));
	assert_non_null(strstr(text, "preset: \"impalad\""));
	assert_non_null(strstr(text, key));
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_size, 65);
}

static void
what_no_option_says_is_asked(void **state)
{
	CLEANUP(free_str) char *said = NULL;
	CLEANUP(free_str) char *text = NULL;

	assert_int_equal(init("--here a=192.0.2.1 --interface eth0",
	                     "192.0.2.100/24 fd00::100/64\n"
	                     "b=192.0.2.2\n7000\n"
	                     "192.0.2.31:7001, 192.0.2.32:7001\n",
	                     &said),
	    0);
	assert_non_null(strstr(said, "Virtual IP that clients connect to"));
	assert_non_null(strstr(said, "Servers behind it"));
	text = scratch_text("hapair.yaml");
	assert_non_null(strstr(text, "\"[fd00::100]:7000\""));
	assert_non_null(strstr(text, "\"192.0.2.32:7001\""));
	assert_true(is_there(key));
}

static void
one_host_needs_no_key(void **state)
{
	CLEANUP(free_str) char *said = NULL;
	CLEANUP(free_str) char *again = NULL;
	CLEANUP(free_str) char *text = NULL;

	assert_int_equal(
	    init("--vip none --port 80 --server 192.0.2.31:80", "", &said), 0);
	assert_true(is_there(path) && !is_there(key));
	/* Nor is one that is there in its way. */
	(void)scratch_write("pair.key", "mine\n", 0400, key);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(init("", "\n80\n192.0.2.31:80\n", &again), 0);
	assert_true(is_there(path));
	text = scratch_text("pair.key");
	assert_text(text, "mine\n");
}

static void
nothing_is_overwritten(void **state)
{
	static const char *const mine[] = { "hapair.yaml", "pair.key" };

	for (size_t i = 0; i < ARRAY_LEN(mine); i++) {
		CLEANUP(free_str) char *said = NULL;
		CLEANUP(free_str) char *text = NULL;
		char at[SCRATCH_PATH_MAX];

		(void)begin(state);
		(void)scratch_write(mine[i], "mine\n", 0600, at);
		assert_int_equal(init(PAIR, "", &said), COMMAND_FAILED);
		assert_non_null(strstr(said, "is there already"));
		text = scratch_text(mine[i]);
		assert_text(text, "mine\n");
		assert_int_equal(is_there(path) + is_there(key), 1);
	}
}

static const struct row {
	const char *words, *answers, *fault;
} rows[] = {
	{ "--vip x --port 80", "", "hapair init: --vip: 'x' is no virtual IP" },
	{ PAIR " --peer c=192.0.2.3", "", "'--peer' is given twice" },
	{ "--vip none --peer b=192.0.2.2 --port 80 --server 192.0.2.31:80", "",
	    "--peer, --here and --interface belong to a virtual IP" },
	{ "--vip none --port 80", "192.0.2.31\n",
	    "hapair init: '192.0.2.31' has no port" },
	{ "--vip none --server 192.0.2.31:80", "80 81\n", "one is expected" },
	{ "--vip none --server 192.0.2.31:80", "\n", "an answer is expected" },
	{ "--vip none --port 80", "",
	    "there is no answer; expected one, or --server" },
	{ PAIR " --preset impalda", "", "impalda" },
	/* Each is right by itself. */
	{ "--vip 192.0.2.1/24 --here a=192.0.2.1 --peer b=192.0.2.2 "
	  "--interface eth0 --port 7000 --server 192.0.2.31:7001",
	    "", "that makes no configuration, and nothing is written" },
};

static void
what_is_wrong_leaves_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(free_str) char *said = NULL;

		test_row(rows[i].fault);
		assert_int_equal(
		    init(rows[i].words, rows[i].answers, &said), COMMAND_WRONG);
		assert_non_null(strstr(said, rows[i].fault));
		assert_false(is_there(path) || is_there(key));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(options_answer_all_questions, begin),
		cmocka_unit_test_setup(what_no_option_says_is_asked, begin),
		cmocka_unit_test_setup(one_host_needs_no_key, begin),
		cmocka_unit_test_setup(nothing_is_overwritten, begin),
		cmocka_unit_test_setup(what_is_wrong_leaves_nothing, begin),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

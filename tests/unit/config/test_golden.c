/*
 * What people read, compared byte for byte: tests/golden/config/NAME.yaml with
 * NAME.err, what is wrong with it, or NAME.out, its canonical text.
 */
#include "config/keys_document.h"
#include "config/load.h"
#include "config/print.h"
#include "config/yaml/diag.h"
#include "tests/lib/golden.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "tests/golden/config/"
#define EXAMPLES "config/examples/"

/* Printing what was printed changes nothing. */
static void
check_stable(const struct config *c, const char *text)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *again = NULL;
	CLEANUP(free_str) char *twice = NULL;
	size_t len;
	int r = load_text("printed", text, strlen(text), diag, &again);

	diag_print(diag, stderr);
	assert_int_equal(r, 0);
	assert_int_equal(print_text(again, &twice, &len), 0);
	assert_text(twice, text);
	assert_memory_equal(c->hash, again->hash, sizeof(c->hash));
}

/* The canonical text, or what is wrong; the caller frees. */
static char *
outcome(const char *path, bool *ret_good)
{
	CLEANUP(diag_free_at) struct diag *diag = diag_new();
	CLEANUP(config_free_at) struct config *c = NULL;
	CLEANUP(free_str) char *text = NULL;
	const char *slash = strrchr(path, '/');
	char *said = NULL;
	size_t len;
	FILE *out;
	int r;

	text = golden_read(path, &len);
	assert_non_null(text);
	r = load_text(slash + 1, text, len, diag, &c);
	*ret_good = r == 0;
	if (r == 0) {
		assert_int_equal(diag_count(diag), 0);
		assert_int_equal(print_text(c, &said, &len), 0);
		check_stable(c, said);
		return said;
	}
	assert_int_equal(r, -EINVAL);
	assert_null(c);
	assert_true(diag_count(diag) > 0);
	out = open_memstream(&said, &len);
	assert_non_null(out);
	diag_print(diag, out);
	assert_int_equal(fclose(out), 0);
	return said;
}

static void
check_file(const char *path, const char *folder)
{
	const char *name = strrchr(path, '/') + 1;
	CLEANUP(free_str) char *said = NULL;
	char expected[512];
	bool good;

	test_row(path);
	said = outcome(path, &good);
	(void)snprintf(expected, sizeof(expected), "%s%.*s.%s", folder,
	    (int)(strlen(name) - strlen(".yaml")), name, good ? "out" : "err");
	golden_compare(expected, said);
}

static size_t
check_all(const char *pattern)
{
	glob_t found;
	size_t n;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i], FOLDER);
	n = found.gl_pathc;
	globfree(&found);
	return n;
}

static void
every_file_is_refused_or_printed_as_it_was(void **state)
{
	(void)state;
	assert_true(check_all(FOLDER "*.yaml") >= 40);
}

static void
every_example_loads(void **state)
{
	static const char *const names[] = { "pair", "single", "full",
		"impala" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP(free_str) char *said = NULL;
		char path[128], expected[128];
		bool good;

		(void)snprintf(
		    path, sizeof(path), EXAMPLES "%s.yaml", names[i]);
		said = outcome(path, &good);
		if (!good)
			fail_msg("%s", said);
		(void)snprintf(expected, sizeof(expected),
		    FOLDER "example_%s.out", names[i]);
		golden_compare(expected, said);
	}
}

static void
the_key_list_of_the_manual_is_as_it_was(void **state)
{
	CLEANUP(free_str) char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	keys_document(out);
	assert_int_equal(fclose(out), 0);
	golden_compare(FOLDER "keys.md", text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_refused_or_printed_as_it_was),
		cmocka_unit_test(every_example_loads),
		cmocka_unit_test(the_key_list_of_the_manual_is_as_it_was),
	};

	TEST_MAIN(tests);
}

#include "hapair/supervisor/file_untried.h"

#include "core/fd.h"
#include "hapair/supervisor/file_replace.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
assert_holds(const char *name, const char *text)
{
	CLEANUP(free_str) char *there = scratch_text(name);

	test_row(name);
	if (text == NULL)
		assert_null(there);
	else
		assert_text(there, text);
}

static void
clear(const char *path)
{
	static const char *const all[] = { "", ".peer", ".before", ".untried" };
	char name[SCRATCH_PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, all[i]);
		(void)unlink(name);
	}
}

/* As if this node ended here: what it holds is closed, and nothing else. */
static void
end(struct file_replace *f)
{
	fd_close(&f->mark);
	fd_close(&f->dir);
	*f = file_replace_none();
}

static void
a_file_that_never_ran_is_put_aside(void **state)
{
	char path[SCRATCH_PATH_MAX], text[FILE_UNTRIED_TEXT_MAX];
	char why[FILE_REPLACE_WHY_MAX];
	struct file_replace f = file_replace_none();

	(void)state;
	scratch_write("f.yaml", "one", 0600, path);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	assert_holds("f.yaml", "two");
	/* It is the business of who has it locked. */
	file_untried_recover(path, text);
	assert_text(text, "");
	assert_holds("f.yaml", "two");
	end(&f);
	file_untried_recover(path, text);
	assert_non_null(strstr(text, "the one before it is put back"));
	assert_holds("f.yaml", "one");
	assert_holds("f.yaml.peer", "two");
	assert_holds("f.yaml.before", NULL);
	assert_holds("f.yaml.untried", NULL);
	/* Once. */
	file_untried_recover(path, text);
	assert_text(text, "");
	clear(path);
}

static void
what_was_only_written_is_removed(void **state)
{
	char path[SCRATCH_PATH_MAX], text[FILE_UNTRIED_TEXT_MAX];
	char why[FILE_REPLACE_WHY_MAX];
	struct file_replace f = file_replace_none();

	(void)state;
	scratch_write("f.yaml", "one", 0600, path);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	end(&f);
	assert_holds(".f.yaml.hapair", "two");
	file_untried_recover(path, text);
	assert_non_null(strstr(text, "what was left of it is removed"));
	assert_holds("f.yaml", "one");
	assert_holds(".f.yaml.hapair", NULL);
	assert_holds("f.yaml.untried", NULL);
	clear(path);
}

/* In an editor, after the end and before the start. */
static void
what_an_operator_wrote_since_is_started_with(void **state)
{
	char path[SCRATCH_PATH_MAX], text[FILE_UNTRIED_TEXT_MAX];
	char why[FILE_REPLACE_WHY_MAX];
	struct file_replace f = file_replace_none();

	(void)state;
	scratch_write("f.yaml", "one", 0600, path);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	end(&f);
	scratch_write("f.yaml", "three", 0600, path);
	file_untried_recover(path, text);
	assert_holds("f.yaml", "three");
	assert_holds("f.yaml.before", "one");
	assert_holds("f.yaml.untried", NULL);
	clear(path);
}

static void
without_the_one_before_it_starts_and_says_so(void **state)
{
	char path[SCRATCH_PATH_MAX], text[FILE_UNTRIED_TEXT_MAX];
	char why[FILE_REPLACE_WHY_MAX], before[SCRATCH_PATH_MAX + 16];
	struct file_replace f = file_replace_none();

	(void)state;
	scratch_write("f.yaml", "one", 0600, path);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	end(&f);
	(void)snprintf(before, sizeof(before), "%s.before", path);
	assert_int_equal(unlink(before), 0);
	file_untried_recover(path, text);
	assert_non_null(strstr(text, "starting with the peer's"));
	assert_holds("f.yaml", "two");
	assert_holds("f.yaml.untried", NULL);
	clear(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_never_ran_is_put_aside),
		cmocka_unit_test(what_was_only_written_is_removed),
		cmocka_unit_test(what_an_operator_wrote_since_is_started_with),
		cmocka_unit_test(without_the_one_before_it_starts_and_says_so),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

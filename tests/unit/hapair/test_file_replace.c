#include "hapair/supervisor/file_replace.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96];

static int
make_scratch(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hapair-replace-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/f.yaml", dir);
	return 0;
}

static const char *
beside(const char *what)
{
	static char name[128];

	(void)snprintf(name, sizeof(name), "%s%s", path, what);
	return name;
}

static const char *
fresh_name(void)
{
	static char name[128];

	(void)snprintf(name, sizeof(name), "%s/.f.yaml.hapair", dir);
	return name;
}

static int
remove_scratch(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(beside(".before"));
	(void)unlink(beside(".new"));
	(void)unlink(fresh_name());
	(void)unlink(beside(".untried"));
	(void)unlink(beside(".link"));
	return rmdir(dir);
}

static void
put(const char *name, const char *text)
{
	CLEANUP(fd_close)
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, 0640), 0);
}

static void
assert_holds(const char *name, const char *text)
{
	CLEANUP(fd_close) int fd = open(name, O_RDONLY | O_CLOEXEC);
	CLEANUP(free_str) char *there = NULL;
	size_t len;

	if (text == NULL) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd != -1);
	assert_int_equal(fd_read_all(fd, 1000, &there, &len), 0);
	assert_text(there, text);
}

static void
is_there(const char *now, const char *before, const char *fresh)
{
	assert_holds(path, now);
	assert_holds(beside(".before"), before);
	assert_holds(fresh_name(), fresh);
}

static void
it_is_replaced_and_put_back(void **state)
{
	struct file_replace f = file_replace_none();
	char why[FILE_REPLACE_WHY_MAX] = "";
	struct stat st;

	(void)state;
	put(path, "one");
	put(beside(".before"), "zero");
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	is_there("one", "zero", "two");
	assert_int_equal(file_replace_commit(&f, why), 0);
	is_there("two", "one", NULL);
	assert_int_equal(access(beside(".untried"), F_OK), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(file_replace_undo(&f, why), 0);
	is_there("one", NULL, NULL);
	assert_int_equal(access(beside(".untried"), F_OK), -1);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	assert_int_equal(file_replace_settle(&f, why), 0);
	assert_int_equal(access(beside(".untried"), F_OK), -1);
	assert_int_equal(file_replace_undo(&f, why), 0);
	file_replace_close(&f);
	is_there("one", NULL, NULL);
}

/* Written anew, or into: both are somebody else's text. */
static void
what_somebody_else_wrote_since_stays(void **state)
{
	struct file_replace f = file_replace_none();
	char why[FILE_REPLACE_WHY_MAX] = "";
	char other[128];

	(void)state;
	put(path, "one");
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	(void)snprintf(other, sizeof(other), "%s", beside(".link"));
	put(other, "six");
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(file_replace_undo(&f, why), -EBUSY);
	assert_non_null(strstr(why, "changed here since"));
	assert_non_null(strstr(why, "f.yaml.before"));
	is_there("six", "one", NULL);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	assert_int_equal(file_replace_commit(&f, why), 0);
	put(path, "seven");
	assert_int_equal(file_replace_undo(&f, why), -EBUSY);
	is_there("seven", "six", NULL);
	assert_int_equal(access(beside(".untried"), F_OK), -1);
	file_replace_close(&f);
}

static void
what_is_only_prepared_leaves_nothing(void **state)
{
	struct file_replace f = file_replace_none();
	char why[FILE_REPLACE_WHY_MAX] = "";

	(void)state;
	put(path, "one");
	put(fresh_name(), "of one that was killed");
	put(beside(".new"), "an operator's next");
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), 0);
	is_there("one", NULL, "two");
	file_replace_close(&f);
	is_there("one", NULL, NULL);
	assert_holds(beside(".new"), "an operator's next");
	assert_int_equal(access(beside(".untried"), F_OK), -1);
	/* And what is there already is left alone. */
	assert_int_equal(file_replace_prepare(&f, path, "one", 3, why), 0);
	assert_true(f.unchanged);
	assert_int_equal(file_replace_commit(&f, why), 0);
	assert_false(f.replaced);
	is_there("one", NULL, NULL);
	assert_int_equal(file_replace_undo(&f, why), 0);
	file_replace_close(&f);
}

static void
a_link_and_what_others_can_write_are_refused(void **state)
{
	struct file_replace f = file_replace_none();
	char why[FILE_REPLACE_WHY_MAX] = "";
	char link[128];

	(void)state;
	put(path, "one");
	(void)snprintf(link, sizeof(link), "%s", beside(".link"));
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(file_replace_prepare(&f, link, "two", 3, why), -ELOOP);
	assert_non_null(strstr(why, "symbolic link"));
	file_replace_close(&f);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(file_replace_prepare(&f, path, "two", 3, why), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	file_replace_close(&f);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    file_replace_prepare(&f, path, "two", 3, why), -ENOENT);
	assert_true(*why != '\0');
	file_replace_close(&f);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_replaced_and_put_back),
		TEST(what_somebody_else_wrote_since_stays),
		TEST(what_is_only_prepared_leaves_nothing),
		TEST(a_link_and_what_others_can_write_are_refused),
	};

	TEST_MAIN(tests);
}

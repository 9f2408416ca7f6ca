#include "proxy/health/secret_files.h"

#include "tests/lib/from_yaml.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As much of one as is looked at: a version, and something behind it. */
#define KEYTAB "\5\2entries"

static const char *
in_dir(const char *name)
{
	static char path[SCRATCH_PATH_MAX];

	return scratch_path(name, path);
}

static int
make_files(void **state)
{
	char path[SCRATCH_PATH_MAX];

	if (scratch_make(state) != 0)
		return -1;
	(void)scratch_write("p1", "geheim\nmore\n", 0400, path);
	(void)scratch_write("p2", "open\n", 0444, path);
	(void)scratch_write("k1", KEYTAB, 0400, path);
	(void)scratch_write("k2", "no keytab", 0400, path);
	return 0;
}

static struct config *
config_of_passwords(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
	    "services:\n"
	    "  name: s\n"
	    "  listen: 127.0.0.1:1\n"
	    "  check: {type: http, user: u, password_file: %1$s/p1}\n"
	    "  servers:\n"
	    "    - {name: a, address: 10.0.0.1:1}\n"
	    "    - {name: b, address: 10.0.0.2:1,\n"
	    "        check: {user: v, password_file: %1$s/p2}}\n",
	    scratch_folder());
	return from_yaml(text);
}

static struct config *
config_of_keytabs(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
	    "services:\n"
	    "  name: s\n"
	    "  listen: 127.0.0.1:1\n"
	    "  check: {type: http, negotiate: true, negotiate_keytab: %1$s/k1}\n"
	    "  servers:\n"
	    "    - {name: a, address: 10.0.0.1:1}\n"
	    "    - {name: b, address: 10.0.0.2:1}\n"
	    "    - {name: c, address: 10.0.0.3:1,\n"
	    "        check: {negotiate_keytab: %1$s/k2}}\n",
	    scratch_folder());
	return from_yaml(text);
}

static void
a_password_is_the_first_line_of_a_file_that_nobody_else_reads(void **state)
{
	struct config *c = config_of_passwords();
	struct secret_files *f = secret_files_load(c);

	(void)state;
	assert_non_null(f);
	assert_text(secret_files_password(f, in_dir("p1")), "geheim");
	assert_null(secret_files_password(f, in_dir("p2")));
	assert_null(secret_files_password(f, in_dir("p3")));
	/* It is no keytab by that. */
	assert_null(secret_files_keytab(f, in_dir("p1")));
	secret_files_free(f);
	config_free(c);
}

static void
a_keytab_is_kept_as_a_file_that_goes_on_when_its_own_is_gone(void **state)
{
	struct config *c = config_of_keytabs();
	struct secret_files *f = secret_files_load(c);
	char bytes[16], name[SCRATCH_PATH_MAX] = "";
	int fd;

	(void)state;
	assert_non_null(f);
	assert_non_null(secret_files_keytab(f, in_dir("k1")));
	(void)snprintf(
	    name, sizeof(name), "%s", secret_files_keytab(f, in_dir("k1")));
	assert_int_equal(strncmp(name, "FILE:/", 6), 0);
	assert_int_equal(unlink(in_dir("k1")), 0);
	fd = open(name + 5, O_RDONLY);
	assert_int_not_equal(fd, -1);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(KEYTAB) - 1);
	assert_memory_equal(bytes, KEYTAB, sizeof(KEYTAB) - 1);
	assert_int_equal(close(fd), 0);
	assert_null(secret_files_keytab(f, in_dir("k2")));
	secret_files_free(f);
	/* With it the copy is gone. */
	assert_int_equal(open(name + 5, O_RDONLY), -1);
	config_free(c);
	(void)scratch_write("k1", KEYTAB, 0400, name);
}

static void
what_is_wrong_with_a_keytab_is_told(void **state)
{
	char why[TRUSTED_PATH_WHY_MAX];

	(void)state;
	assert_int_equal(secret_files_try_keytab(in_dir("k1")), 0);
	assert_int_equal(secret_files_try_keytab(in_dir("k2")), -EINVAL);
	assert_int_equal(secret_files_try_keytab(in_dir("p2")), -EPERM);
	assert_int_equal(secret_files_try_keytab(in_dir("p3")), -ENOENT);
	assert_text(secret_files_keytab_fault(in_dir("k2"), -EINVAL, why),
	    "it is no keytab, or there is no key in it");
	assert_text(secret_files_keytab_fault(in_dir("p3"), -ENOENT, why),
	    strerror(ENOENT));
	assert_non_null(
	    strstr(secret_files_keytab_fault(in_dir("p2"), -EPERM, why),
	        "chmod 0400 it"));
}

static void
none_are_wanted_and_none_is_there(void **state)
{
	struct config *c = from_yaml("services:\n  name: s\n"
	                             "  listen: 127.0.0.1:1\n"
	                             "  servers: 10.0.0.1:1\n");
	struct secret_files *f = secret_files_load(c);

	(void)state;
	assert_non_null(f);
	assert_null(secret_files_password(f, "/p"));
	secret_files_free(f);
	secret_files_free(NULL);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_password_is_the_first_line_of_a_file_that_nobody_else_reads),
		cmocka_unit_test(
		    a_keytab_is_kept_as_a_file_that_goes_on_when_its_own_is_gone),
		cmocka_unit_test(what_is_wrong_with_a_keytab_is_told),
		cmocka_unit_test(none_are_wanted_and_none_is_there),
	};

	TEST_MAIN_WITH(tests, make_files, scratch_remove);
}

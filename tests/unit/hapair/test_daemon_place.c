#include "hapair/cli/daemon_place.h"

#include "hapair/cli/file.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct row {
	const char *name, *text, *socket; /* NULL: nothing is found */
} rows[] = {
	{ "no line", "pair:\n  port: 8401\n", NULL },
	{ "JSON", "{ \"a\": [,\n  \"control\": \"/run/a.sock\",\n",
	    "/run/a.sock" },
	{ "plain", "a: [\ncontrol: /run/a.sock\n", "/run/a.sock" },
	{ "quoted", "control:   \"/run/a.sock\" # ours\n", "/run/a.sock" },
	{ "the last, without an end", "control: '/run/a'", "/run/a" },
	{ "no value", "control:\n", NULL },
	{ "no path", "control: here\n", NULL },
	{ "another key", "controls: /run/a\n", NULL },
	{ "nothing", "", NULL },
};

static void
o1_a_line_is_found_in_whatever_is_around_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char socket[DAEMON_PLACE_MAX] = "";
		const bool found = daemon_place_scan(
		    rows[i].text, strlen(rows[i].text), socket);

		test_row(rows[i].name);
		assert_int_equal(found, rows[i].socket != NULL);
		if (found)
			assert_string_equal(socket, rows[i].socket);
	}
}

static void
o1_a_broken_file_does_not_hide_a_daemon(void **state)
{
	char path[SCRATCH_PATH_MAX], socket[SCRATCH_PATH_MAX];
	char text[256], found[DAEMON_PLACE_MAX];
	int fd;

	(void)state;
	(void)scratch_path("control.sock", socket);
	(void)snprintf(text, sizeof(text), "control: %s\npair: [\n", socket);
	(void)scratch_write("broken.yaml", text, 0600, path);
	/* Nobody is there: then it is the file that is to be mended. */
	assert_int_equal(
	    daemon_place_find("status", path, true, found), COMMAND_WRONG);
	fd = scratch_listen("control.sock", 1, socket);
	assert_int_equal(
	    daemon_place_find("status", path, true, found), COMMAND_DONE);
	assert_string_equal(found, socket);
	assert_int_equal(
	    daemon_place_find("reload", path, false, found), COMMAND_WRONG);
	(void)close(fd);
}

static void
o1_what_ran_last_stands_in_for_a_broken_file(void **state)
{
	char path[SCRATCH_PATH_MAX], socket[SCRATCH_PATH_MAX];
	char text[512], running[RUNNING_FILE_MAX], kept[SCRATCH_PATH_MAX];
	struct file f = { .path = path };

	(void)state;
	(void)scratch_path("gone.sock", socket);
	(void)snprintf(text, sizeof(text), "control: %s\npair: [\n", socket);
	(void)scratch_write("broken.yaml", text, 0600, path);
	assert_true(daemon_place_load("release", &f, running) < 0);
	assert_ptr_equal(f.path, path);
	file_free(&f);
	(void)snprintf(text, sizeof(text),
	    "control: %s\nservices:\n  - name: web\n    listen: 10.0.0.1:80\n"
	    "    servers: 10.0.0.31:80\n",
	    socket);
	(void)scratch_write("gone.sock.running", text, 0600, kept);
	f = (struct file){ .path = path };
	assert_int_equal(daemon_place_load("release", &f, running), 0);
	assert_string_equal(f.config->control, socket);
	file_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(o1_a_line_is_found_in_whatever_is_around_it),
		cmocka_unit_test(o1_a_broken_file_does_not_hide_a_daemon),
		cmocka_unit_test(o1_what_ran_last_stands_in_for_a_broken_file),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

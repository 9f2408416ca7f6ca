#include "hapair/supervisor/state_file.h"

#include "core/shared_state.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST                                                                  \
	"{\"kind\":\"admin\",\"service\":\"web\",\"server\":\"s1\","           \
	"\"value\":\"maint\",\"epoch\":3,\"node\":1}"
#define FILE_OF(accords) "{\"version\":1,\"accords\":[" accords "]}"

static char directory[] = "/tmp/hapair-state-XXXXXX";

static void
take(struct shared_state *all, struct accord a)
{
	size_t index;

	assert_int_equal(shared_state_take(all, &a, &index), 1);
}

static void
what_is_written_is_read(void **state)
{
	struct shared_state in = { .n = 0 }, out = { .n = 0 };
	char *text;

	(void)state;
	take(&in,
	    (struct accord){ .kind = ACCORD_ADMIN,
	        .subject = "web",
	        .server = "s1",
	        .value = ACCORD_DRAIN,
	        .epoch = 3,
	        .node = 1,
	        .own = true,
	        .said = { 1795600000000, "a \"disk\"" } });
	take(&in,
	    (struct accord){ .kind = ACCORD_WEIGHT,
	        .subject = "web",
	        .server = "[::1]:80",
	        .value = 7,
	        .epoch = 1 });
	take(&in,
	    (struct accord){ .kind = ACCORD_WEIGHT,
	        .subject = "web",
	        .server = "s2",
	        .value = ACCORD_AS_CONFIGURED,
	        .epoch = 9 });
	in.pause = (struct msg_pause){ 3, true, 1795600000000 };
	text = state_file_text(&in);
	assert_non_null(text);
	assert_int_equal(
	    state_file_write(directory, STATE_FILE_NAME, text, strlen(text)),
	    0);
	/* Over what was there. */
	assert_int_equal(
	    state_file_write(directory, STATE_FILE_NAME, text, strlen(text)),
	    0);
	free(text);
	assert_int_equal(state_file_load(directory, &out), 0);
	assert_int_equal(out.n, 3);
	assert_int_equal(out.pause.epoch, 3);
	assert_true(out.pause.own);
	assert_int_equal(out.pause.until_wall_ms, 1795600000000);
	for (size_t i = 0; i < in.n; i++) {
		assert_int_equal(accord_compare(&in.all[i], &out.all[i]), 0);
		assert_false(accord_is_newer(&in.all[i], &out.all[i]));
		assert_false(accord_is_newer(&out.all[i], &in.all[i]));
		assert_int_equal(in.all[i].own, out.all[i].own);
		assert_int_equal(
		    in.all[i].said.wall_ms, out.all[i].said.wall_ms);
		assert_string_equal(
		    in.all[i].said.reason, out.all[i].said.reason);
	}
	shared_state_fini(&in);
	shared_state_fini(&out);
	assert_int_equal(state_file_set_aside(directory), 0);
	assert_int_equal(state_file_load(directory, &out), 0);
	assert_int_equal(out.n, 0);
}

static void
what_is_damaged_is_refused_whole(void **state)
{
	static const struct row {
		const char *name, *text;
	} rows[] = {
		{ "empty", "" },
		{ "cut", "{\"version\":1,\"accords\":[" FIRST },
		{ "no list", "{\"version\":1}" },
		{ "of a later version", "{\"version\":2,\"accords\":[]}" },
		{ "a pause that is none",
		    "{\"version\":1,\"pause\":{\"epoch\":-1},\"accords\":[]}" },
		{ "no object", FILE_OF(FIRST ",7") },
		{ "no kind", FILE_OF(FIRST ",{\"service\":\"web\"}") },
		{ "no word",
		    FILE_OF(
		        "{\"kind\":\"admin\",\"service\":\"w\",\"server\":"
		        "\"s\",\"value\":\"off\",\"epoch\":3,\"node\":1}") },
		{ "a weight that is none",
		    FILE_OF("{\"kind\":\"weight\",\"service\":\"w\",\"server\":"
		            "\"s\",\"value\":\"3\",\"epoch\":3,\"node\":1}") },
		{ "a weight that is too large",
		    FILE_OF("{\"kind\":\"weight\",\"service\":\"w\",\"server\":"
		            "\"s\",\"value\":257,\"epoch\":3,\"node\":1}") },
		{ "no epoch",
		    FILE_OF("{\"kind\":\"weight\",\"service\":\"w\",\"server\":"
		            "\"s\",\"value\":1,\"epoch\":0,\"node\":1}") },
		{ "an epoch below zero",
		    FILE_OF("{\"kind\":\"weight\",\"service\":\"w\",\"server\":"
		            "\"s\",\"value\":1,\"epoch\":-1,\"node\":1}") },
		{ "a node that is none",
		    FILE_OF("{\"kind\":\"weight\",\"service\":\"w\",\"server\":"
		            "\"s\",\"value\":1,\"epoch\":1,\"node\":256}") },
		{ "a name that is too long",
		    FILE_OF("{\"kind\":\"weight\",\"service\":"
		            "\"0123456789012345678901234567890123456789"
		            "012345678901234567890123456789\",\"server\":"
		            "\"s\",\"value\":1,\"epoch\":1,\"node\":1}") },
	};
	struct shared_state out = { .n = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].name);
		assert_int_equal(
		    state_file_parse(rows[i].text, strlen(rows[i].text), &out),
		    -EBADMSG);
		assert_int_equal(out.n, 0);
	}
	test_row("none of these");
	assert_int_equal(
	    state_file_parse(FILE_OF(FIRST), strlen(FILE_OF(FIRST)), &out), 0);
	assert_int_equal(out.n, 1);
	shared_state_fini(&out);
}

static void
a_directory_that_is_missing_is_made(void **state)
{
	char path[PATH_MAX], file[PATH_MAX + 16];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/below", directory);
	assert_int_equal(state_file_write(path, STATE_FILE_NAME, "{}", 2), 0);
	(void)snprintf(file, sizeof(file), "%s/%s", path, STATE_FILE_NAME);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(path), 0);
	(void)snprintf(path, sizeof(path), "%s/far/below", directory);
	assert_int_equal(
	    state_file_write(path, STATE_FILE_NAME, "{}", 2), -ENOENT);
}

static void
a_directory_is_of_one_process_at_a_time(void **state)
{
	char path[PATH_MAX], lock[PATH_MAX + 32];
	struct stat st;
	int first, second;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/claimed", directory);
	first = state_file_claim(path);
	assert_true(first >= 0);
	/* A descriptor of its own, as another process would have. */
	assert_int_equal(state_file_claim(path), -EEXIST);
	assert_int_equal(close(first), 0);
	second = state_file_claim(path);
	assert_true(second >= 0);
	assert_int_equal(close(second), 0);
	(void)snprintf(lock, sizeof(lock), "%s/%s.lock", path, STATE_FILE_NAME);
	assert_int_equal(stat(lock, &st), 0);
	/* Who can open it can lock it. */
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(rmdir(path), 0);
	(void)snprintf(path, sizeof(path), "%s/far/below", directory);
	assert_int_equal(state_file_claim(path), -ENOENT);
}

static void
the_directory_is_of_the_environment(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_string_equal(state_file_directory(), "/var/lib/hapair");
	assert_int_equal(setenv("STATE_DIRECTORY", "/x", 1), 0);
	assert_string_equal(state_file_directory(), "/x");
	assert_int_equal(setenv("STATE_DIRECTORY", "x", 1), 0);
	assert_string_equal(state_file_directory(), "/var/lib/hapair");
}

static int
make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int
remove_directory(void **state)
{
	char path[PATH_MAX];

	(void)state;
	(void)snprintf(
	    path, sizeof(path), "%s/%s.damaged", directory, STATE_FILE_NAME);
	(void)unlink(path);
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_damaged_is_refused_whole),
		cmocka_unit_test(a_directory_that_is_missing_is_made),
		cmocka_unit_test(a_directory_is_of_one_process_at_a_time),
		cmocka_unit_test(the_directory_is_of_the_environment),
	};

	TEST_MAIN_WITH(tests, make_directory, remove_directory);
}

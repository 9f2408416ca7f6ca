/* A list of connections that several relays give, one after the other. */
#include "core/fd.h"
#include "hapair/cli/command.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTIONS_MAX 3
#define PATIENCE_S 30

#define ROW "{\"id\": \"1\"}\n"
#define END "{\"end\": 1}\n"
#define UNKNOWN "{\"error\": \"no server of that name\", \"unknown\": true}\n"

/* One relay was left connections by a reload, and is asked before the other. */
static const struct row {
	const char *name;
	const char *lingering, *present; /* what each says, and then it ends */
	int status;
	const char *said; /* on stderr, among other things; "": nothing */
} rows[] = {
	{ "both have some", ROW END, ROW END, COMMAND_DONE, "" },
	{ "the one that lingered has ended", "", ROW END, COMMAND_DONE, "" },
	{ "it breaks off", ROW, ROW END, COMMAND_FAILED, "broke off: ask" },
	{ "the other breaks off", ROW END, ROW, COMMAND_FAILED,
	    "broke off: ask" },
	{ "and without a word", ROW END, "", COMMAND_FAILED, "broke off: ask" },
	{ "only the one that lingers knows it", ROW END, UNKNOWN, COMMAND_DONE,
	    "" },
	{ "nobody knows it", UNKNOWN, UNKNOWN, COMMAND_FAILED,
	    "no server of that name" },
};

/* The daemon: its supervisor counts, then each relay answers. */
static _Noreturn void
serve(int listener, const struct row *row)
{
	const char *const answers[QUESTIONS_MAX] = { "{\"relays\": 1}\n",
		row->lingering, row->present };

	(void)alarm(PATIENCE_S);
	for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
		char line[200];
		int fd = accept(listener, NULL, NULL);

		if (fd == -1 || read(fd, line, sizeof(line)) <= 0 ||
		    fd_write_all(fd, answers[i], strlen(answers[i])) < 0)
			_exit(1);
		fd_close(&fd);
	}
	_exit(0);
}

/* The command, with both of its outputs; so that they can be read. */
static int
run(const char *socket, bool as_json, char out[static 1024],
    char err[static 1024])
{
	static char name[] = "connections", json[] = "--json", at[] = "-s";
	char *argv[] = { name, at, (char *)(uintptr_t)socket,
		as_json ? json : NULL, NULL };
	char *const texts[] = { out, err };
	int was[2], files[2], status;

	(void)fflush(stdout);
	for (int i = 0; i < 2; i++) {
		char path[SCRATCH_PATH_MAX];

		was[i] = dup(STDOUT_FILENO + i);
		files[i] =
		    open(scratch_write(i == 0 ? "out" : "err", "", 0600, path),
		        O_RDWR);
		assert_true(was[i] != -1 && files[i] != -1);
		assert_int_not_equal(dup2(files[i], STDOUT_FILENO + i), -1);
	}
	optind = 0; /* getopt() begins anew */
	status = cmd_connections(as_json ? 4 : 3, argv);
	for (int i = 0; i < 2; i++) {
		const ssize_t n = pread(files[i], texts[i], 1023, 0);

		assert_int_not_equal(dup2(was[i], STDOUT_FILENO + i), -1);
		assert_true(n >= 0);
		texts[i][n] = '\0';
		fd_close(&was[i]);
		fd_close(&files[i]);
	}
	return status;
}

static void
half_a_list_is_never_taken_for_a_whole_one(void **state)
{
	char path[SCRATCH_PATH_MAX], out[1024], err[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(fd_close)
		int listener =
		    scratch_listen("client.sock", QUESTIONS_MAX, path);
		const pid_t pid = fork();
		int end = -1;

		test_row(rows[i].name);
		assert_true(pid != -1);
		if (pid == 0)
			serve(listener, &rows[i]);
		assert_int_equal(run(path, true, out, err), rows[i].status);
		assert_int_equal(
		    strstr(out, "]}") != NULL, rows[i].status == COMMAND_DONE);
		if (*rows[i].said != '\0')
			assert_non_null(strstr(err, rows[i].said));
		else
			assert_text(err, "");
		fd_close(&listener);
		/* It may wait for a question that is not asked. */
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &end, 0);
	}
}

#define AS_WRITTEN                                                             \
	"{\"id\":\"4cf7f2292401\","                                            \
	"\"client\":\"[fd00:1111:2222:3333:4444:5555:6666:7777]:65535\","      \
	"\"local\":\"[fd00::100]:8006\",\"service\":\"impala\","               \
	"\"server\":\"impala1\",\"source\":null,\"state\":\"open\","           \
	"\"age_ms\":130000,\"idle_ms\":900,"                                   \
	"\"bytes\":{\"in\":999,\"out\":12345},\"path\":\"splice\","            \
	"\"protected\":false,\"unprotected\":\"it is relayed\","               \
	"\"peer_knows\":true,\"lingering\":false}"
/* Of a name that is no plain text: it is read as a document. */
#define AS_A_DOCUMENT                                                          \
	"{\"id\":\"8000000000000001\",\"client\":null,\"local\":null,"         \
	"\"service\":\"caf\u00e9\\u001b[1m\",\"server\":null,"                 \
	"\"source\":null,\"state\":\"closing\",\"age_ms\":1,\"idle_ms\":1,"    \
	"\"bytes\":{\"in\":0,\"out\":0},\"path\":\"kernel\","                  \
	"\"protected\":false,\"unprotected\":\"x\",\"peer_knows\":false,"      \
	"\"lingering\":true}"
#define BOTH AS_WRITTEN "\n" AS_A_DOCUMENT "\n{\"end\":2}\n"

/* What a relay of ours writes, and what is none, or of an earlier one. */
static void
ask_for_both(bool as_json, const char *columns, char out[static 1024])
{
	static const struct row row = { .lingering = UNKNOWN, .present = BOTH };
	char path[SCRATCH_PATH_MAX], err[1024];
	CLEANUP(fd_close)
	int listener = scratch_listen("client.sock", QUESTIONS_MAX, path);
	const pid_t pid = fork();
	int end = -1;

	assert_true(pid != -1);
	if (pid == 0)
		serve(listener, &row);
	if (columns != NULL)
		assert_int_equal(setenv("COLUMNS", columns, 1), 0);
	else
		assert_int_equal(unsetenv("COLUMNS"), 0);
	assert_int_equal(run(path, as_json, out, err), COMMAND_DONE);
	assert_text(err, "");
	assert_true(waitpid(pid, &end, 0) == pid && end == 0);
}

static void
a_list_is_a_line_for_each(void **state)
{
	char out[1024];

	(void)state;
	ask_for_both(false, NULL, out);
	assert_text(out,
	    "ID                "
	    "CLIENT                                           "
	    "SERVER          AGE  IDLE   IN   OUT    PATH\n"
	    "4cf7f2292401      "
	    "[fd00:1111:2222:3333:4444:5555:6666:7777]:65535  "
	    "impala/impala1  2m   900ms  999  12.3k  splice\n"
	    "8000000000000001                                                   "
	    "café\\x1b[1m/-   1ms  1ms    0    0      "
	    "closing, lingering, unprotected\n");
	/* Where it has to fit, an ID stays whole, and both ends of an address.
	 */
	ask_for_both(false, "100", out);
	assert_text(out,
	    "ID                CLIENT                SERVER          "
	    "AGE  IDLE   IN   OUT    PATH\n"
	    "4cf7f2292401      [fd00:111…777]:65535  impala/impala1  "
	    "2m   900ms  999  12.3k  splice\n"
	    "8000000000000001                        café\\x1b[1m/-   "
	    "1ms  1ms    0    0      closing, lingering,…\n");
	ask_for_both(false, "60", out);
	assert_non_null(strstr(out, "\n8000000000000001  "));
	ask_for_both(true, NULL, out);
	assert_text(out,
	    "{\"connections\": [\n  " AS_WRITTEN ",\n  "
	    "{\"id\":\"8000000000000001\",\"client\":null,\"local\":null,"
	    "\"service\":\"café\\\\x1b[1m\",\"server\":null,"
	    "\"source\":null,\"state\":\"closing\",\"age_ms\":1,\"idle_ms\":1,"
	    "\"bytes\":{\"in\":0,\"out\":0},\"path\":\"kernel\","
	    "\"protected\":false,\"unprotected\":\"x\",\"peer_knows\":false,"
	    "\"lingering\":true}\n]}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_list_is_never_taken_for_a_whole_one),
		cmocka_unit_test(a_list_is_a_line_for_each),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

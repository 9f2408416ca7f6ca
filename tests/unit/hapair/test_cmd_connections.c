/* A list of connections that several relays give, one after the other. */
#include "core/fd.h"
#include "hapair/cli/command.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
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
run(const char *socket, char out[static 1024], char err[static 1024])
{
	static char name[] = "connections", json[] = "--json", at[] = "-s";
	char *argv[] = { name, json, at, (char *)(uintptr_t)socket, NULL };
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
	status = cmd_connections(4, argv);
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
		assert_int_equal(run(path, out, err), rows[i].status);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_list_is_never_taken_for_a_whole_one),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

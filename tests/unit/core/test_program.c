#include "core/program.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_program.XXXXXX";

struct run {
	struct program program;
	unsigned overdue, ended;
	char fault[PROGRAM_FAULT_MAX];
};

static void
on_overdue(struct program *p)
{
	CONTAINER_OF(p, struct run, program)->overdue++;
}

static void
on_end(struct program *p, const char *fault)
{
	struct run *r = CONTAINER_OF(p, struct run, program);

	r->ended++;
	(void)snprintf(
	    r->fault, sizeof(r->fault), "%s", fault == NULL ? "fine" : fault);
	ev_break(p->loop, EVBREAK_ALL);
}

static const struct program_calls calls = { .on_overdue = on_overdue,
	.on_end = on_end };

/* The path of a shell script in our folder. */
static const char *
script(const char *name, const char *text, mode_t mode)
{
	static char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static char *
output(void)
{
	char path[64], *text = NULL;
	size_t len;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/out", folder);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fd_read_all(fd, 4096, &text, &len), 0);
	fd_close(&fd);
	return text;
}

/* A zombie is not: not every init is quick to bury what it inherits. */
static bool
is_alive(int pid)
{
	char path[32], line[256] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return false;
	(void)!fgets(line, sizeof(line), f);
	(void)fclose(f);
	return line[0] != '\0' && strstr(line, ") Z ") == NULL;
}

static void
run(struct run *r, const char *const argv[], uint32_t timeout_ms)
{
	*r = (struct run){ .ended = 0 };
	program_init(&r->program, &calls);
	assert_false(program_is_running(&r->program));
	assert_int_equal(program_start(&r->program, argv, timeout_ms, true), 0);
	assert_true(program_is_running(&r->program));
	(void)ev_run(r->program.loop, 0);
	assert_int_equal(r->ended, 1);
	assert_false(program_is_running(&r->program));
}

static void
its_end_is_told_in_words(void **state)
{
	static const struct {
		const char *text, *fault;
		mode_t mode;
	} rows[] = {
		{ "exit 0", "fine", 0755 },
		{ "exit 3", "status 3", 0755 },
		{ "kill -15 $$", "killed by signal 15", 0755 },
		{ "exit 0", "status 126, cannot be executed", 0644 },
		/* Whoever reads nothing is no reason to end. */
		{ "echo x && echo y >&2 && ! read z", "fine", 0755 },
	};
	const char *const none[] = { "/nonexistent/program", NULL };
	struct run r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const argv[] = {
			script("end", rows[i].text, rows[i].mode), NULL
		};

		test_row(rows[i].text);
		run(&r, argv, 5000);
		assert_text(r.fault, rows[i].fault);
		assert_int_equal(r.overdue, 0);
	}
	run(&r, none, 5000);
	assert_text(r.fault, "status 127, no such file");
}

/* Also what it has started itself, or the script's children would pile up. */
static void
what_takes_too_long_is_killed_with_its_children(void **state)
{
	const char *const argv[] = { script("long",
		                         "cd \"$1\"\nsleep 60 &\n"
		                         "echo $! >out\nwait",
		                         0755),
		folder, NULL };
	struct run r;
	char *pid;

	(void)state;
	run(&r, argv, 300);
	assert_text(r.fault, "took too long");
	assert_int_equal(r.overdue, 1);
	pid = output();
	for (int i = 0; i < 100 && is_alive(atoi(pid)); i++)
		(void)usleep(10000);
	assert_false(is_alive(atoi(pid)));
	free(pid);
}

static void
it_gets_its_words_and_nothing_of_ours(void **state)
{
	const char *const argv[] = {
		script("words",
		    "cd \"$1\"\n"
		    "echo \"$# $2 $3\" >out\n"
		    "env | grep -c HAPAIR_TEST >>out\n"
		    "echo $PATH | cut -c1-5 >>out\n"
		    "[ -e /proc/$$/fd/55 ] && echo open "
		    ">>out\n"
		    "readlink /proc/$$/fd/0 >>out\n"
		    "sh -c 'kill -PIPE $$'; echo $? >>out\n",
		    0755),
		folder, "two words", "a'b", NULL
	};
	struct run r;
	char *text;

	(void)state;
	assert_int_equal(setenv("HAPAIR_TEST", "secret", 1), 0);
	assert_int_equal(dup2(STDERR_FILENO, 55), 55); /* not close-on-exec */
	(void)signal(SIGPIPE, SIG_IGN);
	run(&r, argv, 5000);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)close(55);
	assert_text(r.fault, "fine");
	text = output();
	assert_text(text, "3 two words a'b\n0\n/usr/\n/dev/null\n141\n");
	free(text);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_end_is_told_in_words),
		cmocka_unit_test(
		    what_takes_too_long_is_killed_with_its_children),
		cmocka_unit_test(it_gets_its_words_and_nothing_of_ours),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#include "core/program.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	} rows[] = {
		{ "exit 0", "fine" },
		{ "exit 3", "status 3" },
		/* In Latin-1, and one cut in two: shown as far as can be. */
		{ "printf 'f\\374r h\\303\\274 \\342\\202'; exit 3",
		    "status 3, its last words: 'f?r h\303\274 ?\?'" },
		{ "kill -15 $$", "killed by signal 15" },
		/* Whoever reads nothing is no reason to end. */
		{ "echo x && echo y >&2 && ! read z", "fine" },
	};
	const char *const none[] = { "/nonexistent/program", NULL };
	char path[SCRATCH_PATH_MAX];
	const char *const argv[] = { path, NULL };
	struct run r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_row(rows[i].text);
		(void)scratch_script("end", rows[i].text, path);
		run(&r, argv, 5000);
		assert_text(r.fault, rows[i].fault);
		assert_int_equal(r.overdue, 0);
	}
	(void)scratch_write("end", "#!/bin/sh\nexit 0\n", 0644, path);
	run(&r, argv, 5000);
	assert_text(r.fault, "status 126, cannot be executed");
	run(&r, none, 5000);
	assert_text(r.fault, "status 127, no such file");
}

/* Also what it has started itself, or the script's children would pile up. */
static void
what_takes_too_long_is_killed_with_its_children(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const char *const argv[] = {
		scratch_script("long", "sleep 60 &\necho $! >out\nwait", path),
		NULL
	};
	struct run r;
	char *pid;

	(void)state;
	run(&r, argv, 300);
	assert_text(r.fault, "took too long");
	assert_int_equal(r.overdue, 1);
	pid = scratch_text("out");
	assert_non_null(pid);
	for (int i = 0; i < 100 && is_alive(atoi(pid)); i++)
		(void)usleep(10000);
	assert_false(is_alive(atoi(pid)));
	free(pid);
}

static void
it_gets_its_words_and_nothing_of_ours(void **state)
{
	char path[SCRATCH_PATH_MAX];
	const char *const argv[] = {
		scratch_script("words",
		    "echo \"$# $1 $2\" >out\n"
		    "env | grep -c HAPAIR_TEST >>out\n"
		    "echo $PATH | cut -c1-5 >>out\n"
		    "[ -e /proc/$$/fd/55 ] && echo open >>out\n"
		    "readlink /proc/$$/fd/0 >>out\n"
		    "sh -c 'kill -PIPE $$'; echo $? >>out\n",
		    path),
		"two words", "a'b", NULL
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
	text = scratch_text("out");
	assert_text(text, "2 two words a'b\n0\n/usr/\n/dev/null\n141\n");
	free(text);
}

/* Each time: what was fine may have been opened to others since. */
static void
what_others_can_write_is_not_run(void **state)
{
	char path[SCRATCH_PATH_MAX], expected[PROGRAM_FAULT_MAX];
	const char *const argv[] = { path, NULL };
	CLEANUP(free_str) char *text = NULL;
	struct run r;

	(void)state;
	(void)scratch_script("lax", "echo x >>ran", path);
	run(&r, argv, 5000);
	assert_text(r.fault, "fine");
	assert_int_equal(chmod(path, 0777), 0);
	run(&r, argv, 5000);
	assert_non_null(strstr(r.fault,
	    "can be written by everybody (mode 0777): chmod go-w it, or "));
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(scratch_folder(), 0777), 0);
	run(&r, argv, 5000);
	(void)snprintf(expected, sizeof(expected),
	    "directory %s can be written by everybody", scratch_folder());
	assert_int_equal(strncmp(r.fault, expected, strlen(expected)), 0);
	assert_int_equal(chmod(scratch_folder(), 0700), 0);
	/* What it says itself is its own. */
	(void)scratch_script("own", "exit 125", path);
	run(&r, argv, 5000);
	assert_text(r.fault, "status 125");
	text = scratch_text("ran");
	assert_text(text, "x\n");
}

/* O7: what a fence or a notify said was thrown away. */
static void
what_failed_is_told_with_its_last_words(void **state)
{
	static const struct {
		const char *script, *fault;
	} rows[] = {
		{ "echo fine", "fine" },
		{ "echo one; echo two >&2; exit 3",
		    "status 3, its last words: 'two'" },
		{ "echo one; echo; printf ' \\033[31mt\\two'; exit 3",
		    "status 3, its last words: '  [31mt wo'" },
		{ "exit 3", "status 3" },
		{ "echo asking; exec sleep 9",
		    "took too long, its last words: 'asking'" },
		/* More than a pipe holds; nobody waits. */
		{ "yes | head -c 300000; echo end; exit 1",
		    "status 1, its last words: 'end'" },
		/* Who is left does not hold it up, and can print on. */
		{ "(sleep 0.2; echo a; echo b) & echo up; exit 1",
		    "status 1, its last words: 'up'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const argv[] = { "/bin/sh", "-c", rows[i].script,
			NULL };
		struct run r;

		test_row(rows[i].script);
		run(&r, argv, 2000);
		assert_text(r.fault, rows[i].fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_failed_is_told_with_its_last_words),
		cmocka_unit_test(its_end_is_told_in_words),
		cmocka_unit_test(
		    what_takes_too_long_is_killed_with_its_children),
		cmocka_unit_test(what_others_can_write_is_not_run),
		cmocka_unit_test(it_gets_its_words_and_nothing_of_ours),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

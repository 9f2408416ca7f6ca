#include "core/thread_stat.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REST " 1 1 1 0 -1 4194304 0 0 0 0 12 30 0 0 20 0 1 0 99 1 1\n"

static void
it_reads_what_the_kernel_writes(void **state)
{
	static const struct {
		const char *text;
		int error;
		char state;
		uint64_t cpu_ms;
	} rows[] = {
		{ "77 (relay-w0) R" REST, 0, 'R', 420 },
		{ "77 (a) b) S 1 (c) S" REST, 0, 'S', 420 },
		{ "77 (\n) T" REST, 0, 'T', 420 },
		{ "", -EBADMSG, 0, 0 },
		{ "77 (relay-w0)", -EBADMSG, 0, 0 },
		{ "77 relay-w0 R" REST, -EBADMSG, 0, 0 },
		{ "77 (relay-w0) R 1 1 1 0", -EBADMSG, 0, 0 },
		{ "77 (relay-w0) R 1 1 1 0 -1 1 0 0 0 0 x 30", -EBADMSG, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct thread_stat s = { 0 };

		assert_int_equal(
		    thread_stat_parse(rows[i].text, strlen(rows[i].text), &s),
		    rows[i].error);
		assert_int_equal(s.state, rows[i].state);
		assert_int_equal(s.cpu_ms, rows[i].cpu_ms);
	}
}

static void
a_text_of_any_length_is_taken_or_refused(void **state)
{
	char text[THREAD_STAT_TEXT_MAX + 8];
	struct thread_stat s;

	(void)state;
	memset(text, ')', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++)
		assert_int_equal(thread_stat_parse(text, n, &s), -EBADMSG);
}

static int
open_stat(pid_t pid)
{
	char path[64];

	(void)snprintf(
	    path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* One file, read again and again: what the thread does at that moment. */
static void
it_says_what_a_thread_does(void **state)
{
	CLEANUP(fd_close) int own = open_stat(getpid());
	CLEANUP(fd_close) int fd = -1;
	struct thread_stat s;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(thread_stat_read(own, &s), 0);
	assert_int_equal(s.state, 'R');
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	assert_true(child > 0);
	fd = open_stat(child);
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_int_equal(thread_stat_read(fd, &s), 0);
	assert_int_equal(s.state, 'T');
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(thread_stat_read(fd, &s), -ESRCH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_what_the_kernel_writes),
		cmocka_unit_test(a_text_of_any_length_is_taken_or_refused),
		cmocka_unit_test(it_says_what_a_thread_does),
	};

	TEST_MAIN(tests);
}

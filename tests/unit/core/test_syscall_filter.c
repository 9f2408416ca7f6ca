#include "core/syscall_filter.h"

#include "core/fd.h"
#include "core/proc.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each act is one process's last; its filter is nobody else's. */
static const struct syscall_filter_rule rules[] = {
	{ .calls = "openat", .error = EACCES },
	{ .calls = "no_such_call kill", .tests = { SYSCALL_FILTER_INT(1, 0) } },
};

static void
trace(void)
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void *
trace_in_thread(void *unused)
{
	(void)unused;
	trace();
	return NULL;
}

static void
trace_by_thread(void)
{
	pthread_t thread;

	if (proc_start_thread(&thread, 0, trace_in_thread, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static void
ask_for_the_end(void)
{
	(void)kill(getpid(), SIGUSR1);
}

static void
ignore_the_end(void)
{
	(void)signal(SIGSYS, SIG_IGN);
	trace();
}

static void
execute(void)
{
	(void)execl("/bin/true", "true", NULL);
}

static void
fall(void)
{
	abort();
}

/* What may be done, and what is declined; the status says which was not. */
static void
work(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1 || close(fd) == -1)
		_exit(2);
	if (open("/dev/null", O_RDONLY) != -1 || errno != EACCES)
		_exit(3);
	if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS)
		_exit(4);
	if (syscall(480) != -1 || errno != ENOSYS) /* of a later kernel */
		_exit(5);
	if (kill(getpid(), 0) == -1)
		_exit(6);
	_exit(0);
}

static int
act_in_child(void (*act)(void), bool wide, int *ret_call)
{
	int ends[2], status, e;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	if (pid == 0) {
		proc_shut(0);
		e = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (e == 0)
			e = wide ? syscall_filter_enter_wide(ends[1])
			         : syscall_filter_enter(
			               rules, ARRAY_LEN(rules), ends[1]);
		if (e == 0)
			act();
		_exit(77);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_call = syscall_filter_read_report(ends[0]);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return status;
}

static const struct row {
	const char *name;
	void (*act)(void);
	bool wide;
	int signal; /* that it ends by; 0: it ends by itself */
	const char *call;
} rows[] = {
	{ "a call", trace, false, SIGSYS, "ptrace" },
	{ "of a thread that gets no signals", trace_by_thread, false, SIGSYS,
	    "ptrace" },
	{ "an argument", ask_for_the_end, false, SIGSYS, "kill" },
	{ "ignored", ignore_the_end, false, SIGSYS, "rt_sigaction" },
	{ "a program", execute, false, SIGSYS, "execve" },
	{ "its own end", fall, false, SIGABRT, NULL },
	{ "its work", work, false, 0, NULL },
	{ "wide: the worst", trace, true, SIGSYS, "ptrace" },
	{ "wide: a program", execute, true, 0, NULL },
};

static void
what_is_refused_ends_the_process_and_is_told(void **state)
{
	char name[SYSCALL_FILTER_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows) && !SANITIZED; i++) {
		const struct row *r = &rows[i];
		int call;
		int status = act_in_child(r->act, r->wide, &call);

		if (r->signal == 0)
			assert_int_equal(status, 0);
		else if (!WIFSIGNALED(status) || WTERMSIG(status) != r->signal)
			fail_msg("%s: status %x", r->name, (unsigned)status);
		if (r->call == NULL)
			assert_int_equal(call, -1);
		else
			assert_string_equal(
			    syscall_filter_name(call, name), r->call);
	}
}

static void
an_operator_can_switch_it_off(void **state)
{
	(void)state;
	assert_int_equal(setenv("HAPAIR_UNFILTERED", "1", 1), 0);
	if (!SANITIZED) {
		assert_int_equal(
		    syscall_filter_enter(rules, ARRAY_LEN(rules), -1),
		    -ECANCELED);
		assert_int_equal(syscall_filter_enter_wide(-1), -ECANCELED);
	}
	assert_int_equal(unsetenv("HAPAIR_UNFILTERED"), 0);
}

static void
a_number_without_a_name_is_its_name(void **state)
{
	char name[SYSCALL_FILTER_NAME_MAX];

	(void)state;
	assert_string_equal(syscall_filter_name(98765, name), "98765");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused_ends_the_process_and_is_told),
		cmocka_unit_test(an_operator_can_switch_it_off),
		cmocka_unit_test(a_number_without_a_name_is_its_name),
	};

	TEST_MAIN(tests);
}

#include "core/proc.h"

#include "tests/lib/test.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* libcap-ng's way to syslog, in place of the C library's. */
void __syslog_chk(int priority, int flag, const char *format, ...);

static unsigned syslog_lines;

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	(void)priority;
	(void)flag;
	(void)format;
	syslog_lines++;
}

/* Bits of the first 32, of those that count. */
static uint32_t
effective(bool take_setpcap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) == -1)
		_exit(3);
	if (!take_setpcap)
		return caps[0].effective;
	caps[0].effective &= ~(1U << CAP_SETPCAP);
	caps[0].permitted &= ~(1U << CAP_SETPCAP);
	if (syscall(SYS_capset, &head, caps) == -1)
		_exit(3);
	return caps[0].effective;
}

/* The exit status of a process that drops what it has. */
static int
drop(bool has_setpcap)
{
	const struct proc_user user = { .uid = NOBODY, .gid = NOBODY };
	const char *what;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)effective(!has_setpcap);
		if (proc_drop(&user, PROC_CAPS_FAILOVER, &what) < 0)
			_exit(2);
		if (effective(false) !=
		    (1U << CAP_NET_ADMIN | 1U << CAP_NET_RAW))
			_exit(4);
		_exit(syslog_lines == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* O13: two lines of priority err at each start. */
static void
who_drops_rights_says_nothing_to_syslog(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* it has no rights to drop */
	assert_int_equal(drop(true), 0);
	assert_int_equal(drop(false), 0);
}

/* Of the second 32. */
static uint32_t
effective_above(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) == -1)
		_exit(3);
	return caps[1].effective;
}

/* The verifier of Linux 6.1 refuses the program without it. */
static void
a_director_has_one_right_more_until_it_has_loaded(void **state)
{
	const struct proc_user user = { .uid = NOBODY, .gid = NOBODY };
	const uint32_t had = effective_above();
	const uint32_t bpf = CAP_TO_MASK(CAP_BPF);
	const uint32_t perfmon = CAP_TO_MASK(CAP_PERFMON);
	const char *what;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (geteuid() != 0 || (had & bpf) == 0 || (had & perfmon) == 0)
			_exit(77);
		if (proc_drop(&user, PROC_CAPS_DIRECTOR, &what) < 0)
			_exit(2);
		if (effective_above() != (bpf | perfmon))
			_exit(4);
		if (proc_drop_perfmon() < 0 || proc_drop_perfmon() < 0)
			_exit(5);
		_exit(effective_above() == bpf ? 0 : 6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77)
		skip(); /* nor has this test the rights */
	assert_int_equal(status, 0);
}

/* In words of 32 bits: after size and policy, flags, nice and priority. */
#define NICE_AT 4
#define SLICE_AT 6

static bool
knows_slices(void)
{
	struct utsname name;
	unsigned major, minor;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 12);
}

static void
slices_are_short_for_what_follows(void **state)
{
	uint32_t attr[16] = { 0 };
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		proc_shorten_slices();
		/* What it starts has them, too. */
		pid = fork();
		if (pid == 0 && syscall(SYS_sched_getattr, 0, attr, 56, 0) == 0)
			_exit(attr[1] == SCHED_OTHER &&
			            attr[SLICE_AT] == PROC_SLICE_NS
			        ? 0
			        : 1);
		if (waitpid(pid, &status, 0) != pid)
			_exit(2);
		_exit(WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!knows_slices())
		skip(); /* kernels before 6.12 keep what there was */
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool
steps_back_from(int before, int nicer, int after)
{
	uint32_t attr[16] = { 0 };

	if (setpriority(PRIO_PROCESS, 0, before) == -1)
		return true; /* it may not */
	proc_step_back(nicer);
	return syscall(SYS_sched_getattr, 0, attr, 56, 0) == 0 &&
	    attr[1] == SCHED_BATCH && (int32_t)attr[NICE_AT] == after &&
	    (!knows_slices() || attr[SLICE_AT] == PROC_LEAST_SLICE_NS);
}

static void
who_steps_back_is_nicer_and_no_more_than_can_be(void **state)
{
	static const int rows[][3] = { { 3, 10, 13 }, { 12, 10, 19 },
		{ 19, 10, 19 }, { 7, 0, 7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(!steps_back_from(
			    rows[i][0], rows[i][1], rows[i][2]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_drops_rights_says_nothing_to_syslog),
		cmocka_unit_test(
		    a_director_has_one_right_more_until_it_has_loaded),
		cmocka_unit_test(slices_are_short_for_what_follows),
		cmocka_unit_test(
		    who_steps_back_is_nicer_and_no_more_than_can_be),
	};

	TEST_MAIN(tests);
}

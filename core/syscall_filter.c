#include "core/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <seccomp.h>

/*
 * How: a call that is not let through raises SIGSYS in its thread. The handler
 * writes the number down and lets the signal come again, which then ends the
 * process. Whoever has taken the process over can at best keep the number to
 * himself: the signal's handler cannot be changed any more, and blocked, it
 * ends the process at once.
 *
 * The kernel keeps a bitmap of calls that pass whatever their arguments are,
 * so that these cost nothing (Linux 5.11). What is called for each packet is
 * therefore never filtered by an argument.
 */

/*
 * From here on calls have one number everywhere, and newer ones follow: for
 * some years. Each costs a start 8 us.
 */
#define NEWER_FIRST 450
#define NEWER_LAST 490

#define CLONES_THREAD (CLONE_THREAD | CLONE_VM | CLONE_SIGHAND)
#define CLONES_SPACE                                                           \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |           \
	    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)

/* A terminal's settings with more speeds: asked for by newer C libraries. */
#define TCGETS2_REQUEST 0x802c542a

/* Names memory in /proc/PID/maps; older headers lack it. */
#define PR_SET_VMA_OPTION 0x53564d41

/*
 * What the C library does for malloc, threads, time, signals and abort(), and
 * what libev and our own channels, log and sockets do.
 */
static const struct syscall_filter_rule base[] = {
	{ .calls =
	        "read write readv writev pread64 pwrite64 close lseek fstat dup3" },
	{ .calls = "sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg" },
	{ .calls = "accept accept4 connect bind listen shutdown" },
	{ .calls = "getsockname getpeername getsockopt setsockopt" },
	{ .calls = "poll ppoll select pselect6 pipe2 eventfd2" },
	{ .calls =
	        "epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2" },
	{ .calls = "timerfd_create timerfd_settime timerfd_gettime" },
	{ .calls = "brk munmap mremap madvise mlock munlock" },
	{ .calls = "mmap mprotect",
	    .tests = { SYSCALL_FILTER_NONE_OF(2, PROT_EXEC) } },
	{ .calls =
	        "futex set_robust_list get_robust_list rseq set_tid_address" },
	{ .calls =
	        "sched_yield sched_getaffinity getcpu membarrier exit exit_group" },
	{ .calls = "clone",
	    .tests = { { 0, CLONES_THREAD | CLONES_SPACE, CLONES_THREAD } } },
	{ .calls = "rt_sigprocmask rt_sigreturn sigaltstack restart_syscall" },
	{ .calls = "clock_gettime clock_getres clock_nanosleep nanosleep" },
	{ .calls =
	        "gettimeofday time times getrusage getrandom uname sysinfo" },
	{ .calls = "getpid gettid getppid getuid geteuid getgid getegid" },
	{ .calls = "getresuid getresgid getgroups" },
	/* stdio asks so for a file's kind since glibc 2.33. */
	{ .calls = "newfstatat",
	    .tests = { { 3, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_GETFD) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_SETFD) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_GETFL) } },
	{ .calls = "fcntl", .tests = { SYSCALL_FILTER_INT(1, F_SETFL) } },
	{ .calls = "fcntl",
	    .tests = { SYSCALL_FILTER_INT(1, F_DUPFD_CLOEXEC) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, FIONREAD) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, FIONBIO) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, SIOCATMARK) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, SIOCOUTQ) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, SIOCGIFINDEX) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, SIOCGIFNAME) } },
	{ .calls = "ioctl", .tests = { SYSCALL_FILTER_INT(1, TCGETS) } },
	{ .calls = "ioctl",
	    .error = ENOTTY,
	    .tests = { SYSCALL_FILTER_INT(1, TCGETS2_REQUEST) } },
	{ .calls = "prctl", .tests = { SYSCALL_FILTER_INT(0, PR_SET_NAME) } },
	{ .calls = "prctl", .tests = { SYSCALL_FILTER_INT(0, PR_GET_NAME) } },
	{ .calls = "prctl",
	    .error = EINVAL,
	    .tests = { SYSCALL_FILTER_INT(0, PR_SET_VMA_OPTION) } },
	/* Limits are read, never set. */
	{ .calls = "prlimit64",
	    .tests = { SYSCALL_FILTER_NONE_OF(2, UINT64_MAX) } },
	{ .calls = "socket", .tests = { SYSCALL_FILTER_INT(0, AF_UNIX) } },
	{ .calls = "socket", .tests = { SYSCALL_FILTER_INT(0, AF_INET) } },
	{ .calls = "socket", .tests = { SYSCALL_FILTER_INT(0, AF_INET6) } },
	/*
	 * What these say is behind a pointer, or they are new: the C library
	 * goes back to an older call.
	 */
	{ .calls = "clone3 openat2 faccessat2 close_range", .error = ENOSYS },
	{ .calls = "futex_waitv", .error = ENOSYS },
};

/* Of use to who attacks a kernel, and to no check of a server. */
static const char *const never =
    "acct bpf delete_module finit_module fsconfig "
    "fsmount fsopen fspick init_module "
    "io_uring_enter io_uring_register "
    "io_uring_setup ioperm iopl kcmp "
    "kexec_file_load kexec_load mount "
    "mount_setattr move_mount open_by_handle_at "
    "open_tree perf_event_open pidfd_getfd "
    "pivot_root process_vm_readv "
    "process_vm_writev ptrace reboot setns swapoff "
    "swapon umount2 unshare userfaultfd";

/* Of the one handler there is; set before it can be called. */
static int report_fd = -1;

static void
on_refused(int sig, siginfo_t *info, void *context)
{
	const int number = info->si_syscall;

	(void)sig;
	(void)context;
	(void)!write(report_fd, &number, sizeof(number));
	/* Pending until we return, and then no longer ours (SA_RESETHAND). */
	(void)syscall(SYS_tgkill, getpid(), gettid(), SIGSYS);
}

static int
catch_refused(int report)
{
	struct sigaction action = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO | (int)SA_RESETHAND };

	report_fd = report;
	return sigaction(SIGSYS, &action, NULL) == -1 ? -errno : 0;
}

static int
add_call(scmp_filter_ctx ctx, int number, const struct syscall_filter_rule *r)
{
	const uint32_t action =
	    r->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((unsigned)r->error);
	struct scmp_arg_cmp tests[ARRAY_LEN(r->tests)];
	unsigned n = 0;

	while (n < ARRAY_LEN(r->tests) && r->tests[n].mask != 0) {
		const struct syscall_filter_test *t = &r->tests[n];

		tests[n++] = (struct scmp_arg_cmp){ t->arg, SCMP_CMP_MASKED_EQ,
			t->mask, t->value };
	}
	return seccomp_rule_add_array(ctx, action, number, n, tests);
}

/* Each name of it. One that this libseccomp or machine lacks is left out. */
static int
add_rule(scmp_filter_ctx ctx, const struct syscall_filter_rule *r)
{
	char names[256];
	char *save = NULL;
	int e = 0;

	if (strlen(r->calls) >= sizeof(names))
		return -ENAMETOOLONG;
	(void)strcpy(names, r->calls);
	for (char *name = strtok_r(names, " ", &save); e == 0 && name != NULL;
	     name = strtok_r(NULL, " ", &save)) {
		const int number = seccomp_syscall_resolve_name(name);

		if (number >= 0)
			e = add_call(ctx, number, r);
	}
	return e;
}

static int
add_rules(
    scmp_filter_ctx ctx, const struct syscall_filter_rule *rules, size_t n)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < n; i++)
		e = add_rule(ctx, &rules[i]);
	return e;
}

static int
add_base(scmp_filter_ctx ctx)
{
	/* Of signals it sends itself: abort(). Their end by SIGSYS stays. */
	const struct syscall_filter_rule own = { .calls = "tgkill",
		.tests = { SYSCALL_FILTER_INT(0, (uint32_t)getpid()) } };
	const struct scmp_arg_cmp other =
	    (struct scmp_arg_cmp){ 0, SCMP_CMP_NE, SIGSYS, 0 };
	int e = add_rules(ctx, base, ARRAY_LEN(base));

	if (e == 0)
		e = add_rule(ctx, &own);
	if (e == 0)
		e = seccomp_rule_add_array(
		    ctx, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), 1, &other);
	for (int number = NEWER_FIRST; e == 0 && number <= NEWER_LAST; number++)
		e = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), number, 0);
	return e;
}

/*
 * A library that is none of ours may do on some machine what no list has. Then
 * an operator needs a way to go on until it has.
 */
static int
begin(uint32_t otherwise, scmp_filter_ctx *ret_ctx)
{
	if (SANITIZED)
		return -ENOSYS;
	if (getenv("HAPAIR_UNFILTERED") != NULL)
		return -ECANCELED;
	*ret_ctx = seccomp_init(otherwise);
	return *ret_ctx != NULL ? 0 : -ENOMEM;
}

static int
load(scmp_filter_ctx ctx, int report)
{
	int e = seccomp_attr_set(
	    ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* Threads that are there already, too. */
	if (e == 0)
		e = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A binary tree: calls that do look at arguments come fast. */
	if (e == 0)
		e = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (e == 0)
		e = catch_refused(report);
	if (e == 0)
		e = seccomp_load(ctx);
	/* The library's word for what the kernel would not do. */
	return e == -ECANCELED || e == -EINVAL ? -ENOSYS : e;
}

int
syscall_filter_enter(
    const struct syscall_filter_rule *rules, size_t n, int report)
{
	scmp_filter_ctx ctx = NULL;
	int e = begin(SCMP_ACT_TRAP, &ctx);

	if (e < 0)
		return e;
	e = add_base(ctx);
	if (e == 0)
		e = add_rules(ctx, rules, n);
	if (e == 0)
		e = load(ctx, report);
	seccomp_release(ctx);
	return e;
}

static int
add_never(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp user = (struct scmp_arg_cmp){ 0,
		SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER };
	const char *at = never;
	int e = 0;

	while (e == 0 && *at != '\0') {
		const size_t len = strcspn(at, " ");
		char name[32];
		int number;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, at);
		number = seccomp_syscall_resolve_name(name);
		if (number >= 0)
			e = seccomp_rule_add(ctx, SCMP_ACT_TRAP, number, 0);
		at += len + (at[len] == ' ');
	}
	if (e == 0)
		e = seccomp_rule_add_array(
		    ctx, SCMP_ACT_TRAP, SCMP_SYS(clone), 1, &user);
	return e == 0
	    ? seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0)
	    : e;
}

int
syscall_filter_enter_wide(int report)
{
	scmp_filter_ctx ctx = NULL;
	int e = begin(SCMP_ACT_ALLOW, &ctx);

	if (e < 0)
		return e;
	e = add_never(ctx);
	if (e == 0)
		e = load(ctx, report);
	seccomp_release(ctx);
	return e;
}

int
syscall_filter_read_report(int fd)
{
	int number;

	return read(fd, &number, sizeof(number)) == sizeof(number) ? number
	                                                           : -1;
}

const char *
syscall_filter_name(int number, char ret_name[static SYSCALL_FILTER_NAME_MAX])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name != NULL)
		(void)snprintf(ret_name, SYSCALL_FILTER_NAME_MAX, "%s", name);
	else
		(void)snprintf(ret_name, SYSCALL_FILTER_NAME_MAX, "%d", number);
	free(name);
	return ret_name;
}

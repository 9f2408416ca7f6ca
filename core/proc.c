#include "core/proc.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>

/*
 * The kernel takes all capabilities from who was root and is no more, unless
 * asked to leave those that are permitted; keep_only() takes what is too many.
 */
static int
become(const struct proc_user *user, bool keeps)
{
	if (prctl(PR_SET_KEEPCAPS, keeps) == -1 || setgroups(0, NULL) == -1 ||
	    setresgid(user->gid, user->gid, user->gid) == -1 ||
	    setresuid(user->uid, user->uid, user->uid) == -1 ||
	    prctl(PR_SET_KEEPCAPS, 0) == -1)
		return -errno;
	return 0;
}

static int
keep_only(enum proc_caps caps)
{
	const capng_type_t in = CAPNG_EFFECTIVE | CAPNG_PERMITTED;
	/* As they were read when the bounding set was cleared. */
	const bool bpf = capng_have_capability(CAPNG_PERMITTED, CAP_BPF) != 0;
	const bool perfmon =
	    capng_have_capability(CAPNG_PERMITTED, CAP_PERFMON) != 0;
	int e = 0;

	capng_clear(CAPNG_SELECT_ALL);
	switch (caps) {
	case PROC_CAPS_NONE:
		break;
	case PROC_CAPS_FAILOVER:
		e = capng_updatev(
		    CAPNG_ADD, in, CAP_NET_ADMIN, CAP_NET_RAW, -1);
		break;
	case PROC_CAPS_DIRECTOR:
		/* Without it the process says so, and does without a program.
		 */
		e = capng_updatev(
		    CAPNG_ADD, in, CAP_NET_ADMIN, CAP_NET_RAW, -1);
		if (e == 0 && bpf)
			e = capng_update(CAPNG_ADD, in, CAP_BPF);
		if (e == 0 && bpf && perfmon)
			e = capng_update(CAPNG_ADD, in, CAP_PERFMON);
		break;
	}
	if (e != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return 0;
}

/*
 * Who lacks the right to is left with the bounding set: to give up new
 * privileges does as well. To try would cost a line of libcap-ng's own, in
 * syslog and as an error.
 */
static bool
clear_bounds(void)
{
	if (capng_get_caps_process() == -1)
		return false;
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return true;
	capng_clear(CAPNG_SELECT_BOUNDS);
	return capng_apply(CAPNG_SELECT_BOUNDS) == 0;
}

int
proc_drop_perfmon(void)
{
	const capng_type_t in = CAPNG_EFFECTIVE | CAPNG_PERMITTED;

	if (capng_get_caps_process() == -1)
		return -EPERM;
	if (!capng_have_capability(CAPNG_PERMITTED, CAP_PERFMON))
		return 0;
	if (capng_update(CAPNG_DROP, in, CAP_PERFMON) != 0 ||
	    capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return 0;
}

void
proc_shut(mode_t mask)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(umask(077) | mask);
}

int
proc_drop(
    const struct proc_user *user, enum proc_caps caps, const char **ret_what)
{
	int e;

	if (geteuid() == 0) {
		/* In this order: the bounding set needs CAP_SETPCAP. */
		*ret_what = "clearing the capability bounding set";
		if (!clear_bounds())
			return -EPERM;
		*ret_what = "changing to the user";
		e = become(user, caps != PROC_CAPS_NONE);
		if (e < 0)
			return e;
		*ret_what = "dropping capabilities";
		e = keep_only(caps);
		if (e < 0)
			return e;
	}
	*ret_what = "giving up new privileges";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -errno;
	/* A change of user sets it to what fs.suid_dumpable says. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

int
proc_die_with(pid_t parent, int sig)
{
	if (prctl(PR_SET_PDEATHSIG, sig) == -1)
		return -errno;
	/* It may have ended before we asked: then we have a new parent. */
	return getppid() == parent ? 0 : -ESRCH;
}

void
proc_spare_no_more(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return;
	/* Refused, it is no worse than before. */
	if (read(fd, text, sizeof(text) - 1) > 0 && text[0] == '-')
		(void)!pwrite(fd, "0", 1, 0);
	(void)close(fd);
}

#define MOST_NICE 19

/* As the kernel has it (sched_setattr(2)): this libc does not. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t slice_ns, deadline_ns, period_ns;
};

void
proc_shorten_slices(void)
{
	struct attr attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == -1 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.slice_ns = PROC_SLICE_NS;
	(void)!syscall(SYS_sched_setattr, 0, &attr, 0);
}

void
proc_step_back(int nicer)
{
	struct attr attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == -1 ||
	    attr.policy != SCHED_OTHER)
		return;
	/* Beside programs of other sessions niceness may say nothing. */
	attr.policy = SCHED_BATCH;
	attr.slice_ns = PROC_LEAST_SLICE_NS;
	attr.nice =
	    attr.nice + nicer < MOST_NICE ? attr.nice + nicer : MOST_NICE;
	(void)!syscall(SYS_sched_setattr, 0, &attr, 0);
}

int
proc_start_thread(pthread_t *ret_thread, size_t stack_bytes,
    void *(*main)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t all;
	int e = pthread_attr_init(&attr);

	if (e != 0)
		return -e;
	(void)sigfillset(&all);
	/* Of this thread alone, and to be told of (syscall_filter.h). */
	(void)sigdelset(&all, SIGSYS);
	e = pthread_attr_setsigmask_np(&attr, &all);
	if (e == 0 && stack_bytes > 0)
		e = pthread_attr_setstacksize(&attr, stack_bytes);
	if (e == 0)
		e = pthread_create(ret_thread, &attr, main, arg);
	(void)pthread_attr_destroy(&attr);
	return -e;
}

void
proc_set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name);
}

int
proc_sealed_file(const char *name, const void *data, size_t len)
{
	CLEANUP(fd_close) int fd = -1;
	int e;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return -errno;
	e = fd_write_all(fd, data, len);
	if (e < 0)
		return e;
	if (lseek(fd, 0, SEEK_SET) == -1)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS,
	        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1)
		return -errno;
	return fd_take(&fd);
}

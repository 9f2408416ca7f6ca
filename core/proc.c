#include "core/proc.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cap-ng.h>

static int
become(const char *user, const char *group)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;
	gid_t gid;

	if (pw == NULL)
		return -ENOENT;
	gid = pw->pw_gid;
	if (group != NULL) {
		gr = getgrnam(group);
		if (gr == NULL)
			return -ENOENT;
		gid = gr->gr_gid;
	}
	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		return -errno;
	return 0;
}

static int
keep_only(enum proc_caps caps)
{
	const capng_type_t in = CAPNG_EFFECTIVE | CAPNG_PERMITTED;
	int e = 0;

	capng_clear(CAPNG_SELECT_ALL);
	switch (caps) {
	case PROC_CAPS_NONE:
		break;
	case PROC_CAPS_FAILOVER:
		e = capng_updatev(
		    CAPNG_ADD, in, CAP_NET_ADMIN, CAP_NET_RAW, -1);
		break;
	}
	/* The bounding set goes too, where we may: no exec brings them back. */
	if (e != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return 0;
}

static bool
clear_bounds(void)
{
	capng_clear(CAPNG_SELECT_BOUNDS);
	return capng_apply(CAPNG_SELECT_BOUNDS) == 0;
}

void
proc_drop_thread(void)
{
	/* Without CAP_SETPCAP the bounds stay, and mean nothing here. */
	(void)clear_bounds();
	(void)keep_only(PROC_CAPS_NONE);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int
proc_drop(const char *user, const char *group, enum proc_caps caps,
    const char **ret_what)
{
	int e;

	if (geteuid() == 0) {
		/*
		 * In this order: the bounding set needs CAP_SETPCAP, and a
		 * change to another user clears the rest by itself.
		 */
		*ret_what = "clearing the capability bounding set";
		if (!clear_bounds())
			return -EPERM;
		*ret_what = "changing to the user";
		e = user != NULL ? become(user, group) : 0;
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

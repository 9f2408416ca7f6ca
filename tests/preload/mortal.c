/*
 * A process that ends where a test wants it, preloaded. MORTAL_AT=n: killed at
 * the n-th of the calls below, before it is made. MORTAL_STOP=renameat: stopped
 * there, as if by Ctrl-Z; MORTAL_STOP=exit: stopped when all is done.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls;

static void
pass(const char *name)
{
	const char *at = getenv("MORTAL_AT"), *stop = getenv("MORTAL_STOP");

	if (at != NULL && ++calls == atol(at))
		(void)raise(SIGKILL);
	if (stop != NULL && strcmp(stop, name) == 0)
		(void)raise(SIGSTOP);
}

__attribute__((destructor)) static void
leave(void)
{
	pass("exit");
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	pass("openat");
	va_start(args, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(args, mode_t);
	va_end(args);
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int
flock(int fd, int how)
{
	pass("flock");
	return (int)syscall(SYS_flock, fd, how);
}

int
fchown(int fd, uid_t uid, gid_t gid)
{
	pass("fchown");
	return (int)syscall(SYS_fchown, fd, uid, gid);
}

int
fchmod(int fd, mode_t mode)
{
	pass("fchmod");
	return (int)syscall(SYS_fchmod, fd, mode);
}

ssize_t
write(int fd, const void *bytes, size_t len)
{
	pass("write");
	/* In two halves, so that one can end in between. */
	if (len > 1 && getenv("MORTAL_AT") != NULL)
		len /= 2;
	return syscall(SYS_write, fd, bytes, len);
}

int
fsync(int fd)
{
	pass("fsync");
	return (int)syscall(SYS_fsync, fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	pass("renameat");
	return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

int
close(int fd)
{
	pass("close");
	return (int)syscall(SYS_close, fd);
}

int
munmap(void *at, size_t len)
{
	pass("munmap");
	return (int)syscall(SYS_munmap, at, len);
}

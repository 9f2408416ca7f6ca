#include "hapair/supervisor/pins_directory.h"

#include "core/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

/* Of a file system that is none we make and give away nothing. */
static bool
is_bpffs(int fd)
{
	struct statfs s;

	return fstatfs(fd, &s) == 0 && s.f_type == BPF_FS_MAGIC;
}

/* The directory that `path` is in, and its name there. Or -errno. */
static int
open_above(const char *path, char *ret_name, size_t room)
{
	const char *slash = strrchr(path, '/');
	char above[PATH_MAX];
	int fd;

	if (slash == NULL || strlen(slash + 1) >= room)
		return -EINVAL;
	(void)snprintf(
	    above, sizeof(above), "%.*s", (int)(slash - path) + 1, path);
	(void)snprintf(ret_name, room, "%s", slash + 1);
	fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

static int
open_directory(int above, const char *name)
{
	const int fd = openat(
	    above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

/* Takes the descriptor. False: nothing (more) was done. */
static bool
each_in(int fd, bool (*call)(int dir, const char *name, void *arg), void *arg)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	bool goes_on = true;

	if (dir == NULL) {
		(void)close(fd);
		return false;
	}
	while (goes_on && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			goes_on = call(dirfd(dir), entry->d_name, arg);
	(void)closedir(dir);
	return goes_on;
}

/* A number that nobody has may be another at each start. */
static bool
give(int dir, const char *name, void *arg)
{
	const struct proc_user *user = arg;

	return fchownat(dir, name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) ==
	    0;
}

int
pins_directory_make(const char *path, const struct proc_user *user)
{
	CLEANUP(fd_close) int above = -1;
	CLEANUP(fd_close) int dir = -1;
	struct proc_user to = *user;
	char name[NAME_MAX + 1];

	above = open_above(path, name, sizeof(name));
	if (above < 0)
		return fd_take(&above);
	if (!is_bpffs(above))
		return -ENOTSUP;
	if (mkdirat(above, name, 0700) == -1 && errno != EEXIST)
		return -errno;
	dir = open_directory(above, name);
	if (dir < 0)
		return fd_take(&dir);
	if (!is_bpffs(dir))
		return -ENOTSUP;
	if (fchown(dir, user->uid, user->gid) == -1)
		return -errno;
	return each_in(fd_take(&dir), give, &to) ? 0 : -EIO;
}

int
pins_directory_lock(const char *path)
{
	CLEANUP(fd_close)
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return fd_take(&fd);
}

static bool
find_one(int dir, const char *name, void *arg)
{
	(void)dir;
	(void)name;
	*(bool *)arg = true;
	return false;
}

bool
pins_directory_is_used(const char *path)
{
	CLEANUP(fd_close) int above = -1;
	CLEANUP(fd_close) int dir = -1;
	char name[NAME_MAX + 1];
	bool found = false;

	above = open_above(path, name, sizeof(name));
	if (above < 0 || !is_bpffs(above))
		return false;
	dir = open_directory(above, name);
	if (dir >= 0)
		(void)each_in(fd_take(&dir), find_one, &found);
	return found;
}

const char *
pins_directory_fault(int error)
{
	switch (error) {
	case -ENOTSUP:
		return "is in no BPF file system";
	case -ENOENT:
		return "has no directory above it";
	case -EBUSY:
		return "is used by another hapair on this host";
	case -EEXIST:
	case -ENOTDIR:
	case -ELOOP:
		return "is no directory";
	default:
		return strerror(-error);
	}
}

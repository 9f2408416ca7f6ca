#include "hapair/supervisor/file_untried.h"

#include "core/fd.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BESIDE_MAX (TRUSTED_PATH_NAME_MAX + 8)

/* "INODE SIZE SECONDS.NANOSECONDS": the device may have another number soon. */
#define SIGN_MAX 96

static const char *
beside(const char *name, const char *what, char buf[static BESIDE_MAX])
{
	(void)snprintf(buf, BESIDE_MAX, "%s.%s", name, what);
	return buf;
}

static void
sign(const struct stat *st, char ret_text[static SIGN_MAX])
{
	(void)snprintf(ret_text, SIGN_MAX, "%ju %jd %jd.%09ld\n",
	    (uintmax_t)st->st_ino, (intmax_t)st->st_size,
	    (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

/* The directory is open for names alone, and synced by another descriptor. */
static int
sync_names(int dir)
{
	CLEANUP(fd_close)
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 || fsync(fd) == -1 ? -errno : 0;
}

int
file_untried_make(int dir, const char *name)
{
	CLEANUP(fd_close) int fd = -1;
	char mark[BESIDE_MAX];

	(void)unlinkat(dir, beside(name, "untried", mark), 0);
	fd = openat(dir, mark,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == -1)
		return -errno;
	return fd_take(&fd);
}

int
file_untried_set(int fd, const struct stat *file)
{
	char text[SIGN_MAX];
	int e;

	sign(file, text);
	e = fd_write_all(fd, text, strlen(text));
	if (e < 0)
		return e;
	return fsync(fd) == -1 ? -errno : 0;
}

int
file_untried_lift(int dir, const char *name)
{
	char mark[BESIDE_MAX];

	if (unlinkat(dir, beside(name, "untried", mark), 0) == -1)
		return errno == ENOENT ? 0 : -errno;
	return sync_names(dir);
}

/* -- at a start --------------------------------------------------------- */

/* Whether the mark is of the file that has the name now. */
static bool
is_of(int fd, int dir, const char *name)
{
	CLEANUP(free_str) char *marked = NULL;
	char text[SIGN_MAX];
	struct stat st;
	size_t len;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode) ||
	    fd_read_all(fd, SIGN_MAX, &marked, &len) < 0)
		return false;
	sign(&st, text);
	return strcmp(marked, text) == 0;
}

/* There is a whole file of that name at each moment. Returns 0 or -errno. */
static int
put_before_back(int dir, const char *name)
{
	char before[BESIDE_MAX], aside[BESIDE_MAX];
	struct stat st;

	if (fstatat(dir, beside(name, "before", before), &st,
	        AT_SYMLINK_NOFOLLOW) == -1)
		return -errno;
	(void)unlinkat(dir, beside(name, "peer", aside), 0);
	if (linkat(dir, name, dir, aside, 0) == -1 ||
	    renameat(dir, before, dir, name) == -1)
		return -errno;
	return sync_names(dir);
}

static void
recover(int fd, int dir, const char *name, const char *path,
    char ret_text[static FILE_UNTRIED_TEXT_MAX])
{
	char fresh[BESIDE_MAX];
	int e;

	(void)snprintf(fresh, sizeof(fresh), FILE_UNTRIED_FRESH, name);
	(void)unlinkat(dir, fresh, 0);
	if (!is_of(fd, dir, name)) {
		(void)snprintf(ret_text, FILE_UNTRIED_TEXT_MAX,
		    "%s: a file of the peer was not taken when this node ended, and what was left of it is removed",
		    path);
		return;
	}
	e = put_before_back(dir, name);
	if (e < 0)
		(void)snprintf(ret_text, FILE_UNTRIED_TEXT_MAX,
		    "%s: the peer gave this file, and it has never run here; the one before it cannot be put back: %s; starting with the peer's",
		    path, strerror(-e));
	else
		(void)snprintf(ret_text, FILE_UNTRIED_TEXT_MAX,
		    "%s: the peer gave the file that was here, and this node ended before it ran: the one before it is put back, and the peer's is %s.peer now; `hapair reload --both` on the peer gives it again",
		    path, path);
}

void
file_untried_recover(
    const char *path, char ret_text[static FILE_UNTRIED_TEXT_MAX])
{
	CLEANUP(fd_close) int dir = -1;
	CLEANUP(fd_close) int fd = -1;
	char name[TRUSTED_PATH_NAME_MAX], mark[BESIDE_MAX];

	*ret_text = '\0';
	dir = trusted_path_parent(path, TRUSTED_PATH_ROOTS, name, NULL);
	if (dir < 0) {
		dir = -1; /* nobody has put a file there */
		return;
	}
	fd = openat(dir, beside(name, "untried", mark),
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	/* A daemon that runs is in the midst of it. */
	if (fd == -1 || flock(fd, LOCK_EX | LOCK_NB) == -1)
		return;
	recover(fd, dir, name, path, ret_text);
	/* Where it stays the next start looks again. */
	if (file_untried_lift(dir, name) < 0)
		return;
}

#include "keytab/replace.h"

#include "core/fd.h"
#include "core/secret.h"
#include "core/trusted_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE 0400
/* Between the name of the file and the random digits of the one beside it. */
#define MARK ".hapair-"
#define DIGITS 8

struct replace
replace_nothing(void)
{
	return (struct replace){ .dir_fd = -1, .fd = -1 };
}

static int
fail(char ret_why[static REPLACE_WHY_MAX], int e, const char *what)
{
	(void)snprintf(ret_why, REPLACE_WHY_MAX, "%s: %s", what, strerror(-e));
	return e;
}

static int
refuse(char ret_why[static REPLACE_WHY_MAX], int e, const char *words)
{
	(void)snprintf(ret_why, REPLACE_WHY_MAX, "%s", words);
	return e;
}

/* The directory, and the last part of the path. */
static int
open_dir(struct replace *r, const char *path, char *ret_dir, char *ret_why)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(free_str) char *dir = NULL;
	CLEANUP(fd_close) int parent = -1;
	char name[TRUSTED_PATH_NAME_MAX];

	if (slash == NULL)
		dir = strdup(".");
	else
		dir = strndup(path, slash == path ? 1 : slash - path);
	r->name = strdup(slash == NULL ? path : slash + 1);
	if (dir == NULL || r->name == NULL)
		return -ENOMEM;
	if (r->name[0] == '\0' || strcmp(r->name, ".") == 0 ||
	    strcmp(r->name, "..") == 0)
		return -EISDIR;
	parent =
	    trusted_path_parent(path, TRUSTED_PATH_ANYBODYS, name, ret_why);
	if (parent < 0)
		return fd_take(&parent);
	/* Only to read back what was written, which is compared. */
	if (realpath(dir, ret_dir) == NULL)
		return -errno;
	r->dir_fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->dir_fd == -1 ? -errno : 0;
}

/* Whose killed run left it: nobody holds its lock any more. */
static void
remove_stale(int dir_fd, const char *name)
{
	CLEANUP(fd_close)
	int fd = openat(
	    dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(dir_fd, name, 0);
}

/* ".NAME.hapair-" and eight digits: nobody else calls a file so. */
static bool
is_beside(const char *entry, const char *name)
{
	const size_t len = strlen(name), mark = strlen(MARK);
	const char *digits;

	if (entry[0] != '.' || strncmp(entry + 1, name, len) != 0 ||
	    strncmp(entry + 1 + len, MARK, mark) != 0)
		return false;
	digits = entry + 1 + len + mark;
	return strlen(digits) == DIGITS &&
	    strspn(digits, "0123456789abcdef") == DIGITS;
}

static void
remove_all_stale(const struct replace *r)
{
	/* A description of its own: reading a directory moves its place. */
	int fd = openat(r->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		fd_close(&fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (is_beside(d->d_name, r->name))
			remove_stale(r->dir_fd, d->d_name);
	(void)closedir(dir);
}

/* Whether the file holds just these bytes already. */
static bool
holds(int dir_fd, const char *name, const void *bytes, size_t len)
{
	CLEANUP(fd_close)
	int fd = openat(
	    dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	const char *p = bytes;
	uint8_t piece[512];
	bool same = fd != -1;
	size_t at = 0;
	ssize_t n = 0;

	while (same && (n = read(fd, piece, sizeof(piece))) > 0) {
		same = (size_t)n <= len - at &&
		    secret_is_same(piece, p + at, (size_t)n);
		at += (size_t)n;
	}
	secret_wipe(piece, sizeof(piece));
	return same && n == 0 && at == len;
}

/* Looks at what is there, and fills in whose the new one shall be. */
static int
look(struct replace *r, const void *bytes, size_t len,
    struct replace_owner *owner, char ret_why[static REPLACE_WHY_MAX])
{
	struct stat st;

	if (fstatat(r->dir_fd, r->name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			return fail(ret_why, -errno, "cannot be looked at");
		return 0;
	}
	if (S_ISLNK(st.st_mode))
		return refuse(ret_why, -ELOOP,
		    "a symbolic link; name the file that it leads to");
	if (S_ISDIR(st.st_mode))
		return refuse(ret_why, -EISDIR, strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return refuse(ret_why, -EINVAL, "not a regular file");
	if (owner->uid == REPLACE_KEEP)
		owner->uid = st.st_uid;
	if (owner->gid == REPLACE_KEEP)
		owner->gid = st.st_gid;
	r->unchanged = (st.st_mode & 07777) == MODE &&
	    st.st_uid == owner->uid && st.st_gid == owner->gid &&
	    holds(r->dir_fd, r->name, bytes, len);
	return 0;
}

static int
create(struct replace *r, const char *dir)
{
	uint32_t chance;
	int n;

	secret_random(&chance, sizeof(chance));
	n = asprintf(&r->path, "%s/.%s" MARK "%0*x",
	    strcmp(dir, "/") == 0 ? "" : dir, r->name, DIGITS,
	    (unsigned)chance);
	if (n < 0) {
		r->path = NULL;
		return -ENOMEM;
	}
	r->temp = strrchr(r->path, '/') + 1;
	r->fd = openat(r->dir_fd, r->temp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (r->fd == -1)
		return -errno;
	/* Says that somebody is at it. */
	return flock(r->fd, LOCK_EX | LOCK_NB) == -1 ? -errno : 0;
}

/* The owner first: chown() may take mode bits away. */
static int
fill(struct replace *r, const void *bytes, size_t len,
    struct replace_owner owner, char ret_why[static REPLACE_WHY_MAX])
{
	struct stat st;
	int e;

	if (fstat(r->fd, &st) == -1)
		return fail(ret_why, -errno, "cannot be looked at");
	if (owner.uid == st.st_uid)
		owner.uid = REPLACE_KEEP;
	if (owner.gid == st.st_gid)
		owner.gid = REPLACE_KEEP;
	if ((owner.uid != REPLACE_KEEP || owner.gid != REPLACE_KEEP) &&
	    fchown(r->fd, owner.uid, owner.gid) == -1)
		return fail(ret_why, -errno, "its owner cannot be set");
	/* The process's mask may have taken bits, too. */
	if (fchmod(r->fd, MODE) == -1)
		return fail(ret_why, -errno, "its mode cannot be set");
	e = fd_write_all(r->fd, bytes, len);
	if (e < 0)
		return fail(ret_why, e, "cannot be written");
	if (fsync(r->fd) == -1)
		return fail(ret_why, -errno, "cannot be written");
	return 0;
}

int
replace_prepare(struct replace *r, const char *path, const void *bytes,
    size_t len, struct replace_owner owner,
    char ret_why[static REPLACE_WHY_MAX])
{
	char dir[PATH_MAX], refused[TRUSTED_PATH_WHY_MAX];
	int e = open_dir(r, path, dir, refused);

	if (e == -EPERM)
		return refuse(ret_why, e, refused);
	if (e < 0)
		return fail(ret_why, e, "its directory cannot be opened");
	e = look(r, bytes, len, &owner, ret_why);
	if (e < 0)
		return e;
	remove_all_stale(r);
	if (r->unchanged)
		return 0;
	e = create(r, dir);
	if (e < 0)
		return fail(ret_why, e, "no file can be made beside it");
	return fill(r, bytes, len, owner, ret_why);
}

int
replace_commit(struct replace *r, char ret_why[static REPLACE_WHY_MAX])
{
	if (r->unchanged)
		return 0;
	if (renameat(r->dir_fd, r->temp, r->dir_fd, r->name) == -1)
		return fail(ret_why, -errno, "cannot be replaced");
	fd_close(&r->fd); /* also says that there is nothing to remove */
	if (fsync(r->dir_fd) == -1)
		return fail(ret_why, -errno,
		    "replaced, but a crash of the machine may undo it");
	return 0;
}

void
replace_close(struct replace *r)
{
	/* While locked, so that nobody takes it for stale meanwhile. */
	if (r->fd != -1)
		(void)unlinkat(r->dir_fd, r->temp, 0);
	fd_close(&r->fd);
	fd_close(&r->dir_fd);
	free_str(&r->path);
	free_str(&r->name);
	r->temp = NULL;
}

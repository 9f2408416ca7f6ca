#include "hapair/supervisor/file_replace.h"

#include "core/fd.h"
#include "hapair/supervisor/file_untried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE_MAX (TRUSTED_PATH_NAME_MAX + 8)

struct file_replace
file_replace_none(void)
{
	return (struct file_replace){ .dir = -1, .mark = -1 };
}

/* A name that is nobody else's: people and their tools write NAME.new. */
static const char *
fresh_name(const struct file_replace *f, char buf[BESIDE_MAX])
{
	(void)snprintf(buf, BESIDE_MAX, FILE_UNTRIED_FRESH, f->name);
	return buf;
}

static const char *
before_name(const struct file_replace *f, char buf[BESIDE_MAX])
{
	(void)snprintf(buf, BESIDE_MAX, "%s.before", f->name);
	return buf;
}

static int
fail(char ret_why[static FILE_REPLACE_WHY_MAX], const char *what, int e)
{
	(void)snprintf(ret_why, FILE_REPLACE_WHY_MAX, "%s: %s%s", what,
	    strerror(-e),
	    e == -EROFS
	        ? ", in a systemd unit perhaps: a drop-in with ReadWritePaths= and the file's directory lets hapair write there"
	        : "");
	return e;
}

/* Whether it is there, a file of its own, with just these bytes. */
static int
look(struct file_replace *f, const char *text, size_t len, struct stat *ret_st,
    char ret_why[static FILE_REPLACE_WHY_MAX])
{
	CLEANUP(fd_close)
	int fd = openat(
	    f->dir, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(free_str) char *there = NULL;
	size_t n = 0;
	int e;

	if (fd == -1 && errno == ELOOP) {
		(void)snprintf(ret_why, FILE_REPLACE_WHY_MAX,
		    "it is a symbolic link: `hapair run -c` is to name the file that it leads to");
		return -ELOOP;
	}
	if (fd == -1 || fstat(fd, ret_st) == -1)
		return fail(ret_why, "it cannot be read", -errno);
	if (!S_ISREG(ret_st->st_mode))
		return fail(ret_why, "it is no regular file", -EINVAL);
	e = fd_read_all(fd, len + 1, &there, &n);
	if (e < 0 && e != -EFBIG)
		return fail(ret_why, "it cannot be read", e);
	f->unchanged = e == 0 && n == len && memcmp(there, text, len) == 0;
	return 0;
}

static int
fill(int fd, int mark, const struct stat *was, const char *text, size_t len)
{
	struct stat st;
	int e;

	if (fstat(fd, &st) == -1)
		return -errno;
	/* The owner first: chown() may take mode bits away. */
	if ((st.st_uid != was->st_uid || st.st_gid != was->st_gid) &&
	    fchown(fd, was->st_uid, was->st_gid) == -1)
		return -errno;
	if (fchmod(fd, was->st_mode & 07777) == -1)
		return -errno;
	e = fd_write_all(fd, text, len);
	if (e < 0)
		return e;
	/* What it is marked by is that of the whole file. */
	if (fsync(fd) == -1 || fstat(fd, &st) == -1)
		return -errno;
	return file_untried_set(mark, &st);
}

int
file_replace_prepare(struct file_replace *f, const char *path, const char *text,
    size_t len, char ret_why[static FILE_REPLACE_WHY_MAX])
{
	CLEANUP(fd_close) int fd = -1;
	char fresh[BESIDE_MAX], refused[TRUSTED_PATH_WHY_MAX];
	struct stat was;
	int e;

	file_replace_close(f);
	f->dir =
	    trusted_path_parent(path, TRUSTED_PATH_ROOTS, f->name, refused);
	if (f->dir < 0) {
		e = f->dir;
		f->dir = -1;
		(void)snprintf(ret_why, FILE_REPLACE_WHY_MAX, "%s", refused);
		return e;
	}
	e = look(f, text, len, &was, ret_why);
	if (e < 0 || f->unchanged)
		return e;
	/* First of all: what has one is ours to take away at a start. */
	e = file_untried_make(f->dir, f->name);
	if (e < 0)
		return fail(ret_why, "no file can be made beside it", e);
	f->mark = e;
	(void)unlinkat(f->dir, fresh_name(f, fresh), 0);
	fd = openat(f->dir, fresh,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return fail(ret_why, "no file can be made beside it", -errno);
	f->written = true;
	e = fill(fd, f->mark, &was, text, len);
	return e < 0 ? fail(ret_why, "the file beside it cannot be written", e)
	             : 0;
}

/* The directory is open for names alone, and synced by another descriptor. */
static int
sync_names(const struct file_replace *f)
{
	CLEANUP(fd_close)
	int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 || fsync(fd) == -1 ? -errno : 0;
}

int
file_replace_commit(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX])
{
	char fresh[BESIDE_MAX], before[BESIDE_MAX];
	int e;

	if (f->unchanged)
		return 0;
	(void)unlinkat(f->dir, before_name(f, before), 0);
	if (linkat(f->dir, f->name, f->dir, before, 0) == -1)
		return fail(ret_why, "it cannot be kept beside itself", -errno);
	if (renameat(f->dir, fresh_name(f, fresh), f->dir, f->name) == -1)
		return fail(ret_why, "it cannot be replaced", -errno);
	f->written = false;
	f->replaced = true;
	e = fstatat(f->dir, f->name, &f->put, AT_SYMLINK_NOFOLLOW) == -1
	    ? -errno
	    : 0;
	if (e < 0)
		return fail(ret_why, "it cannot be looked at", e);
	e = sync_names(f);
	if (e < 0)
		return fail(ret_why, "its directory cannot be synced", e);
	return 0;
}

static int
lift_mark(struct file_replace *f)
{
	if (f->mark == -1)
		return 0;
	fd_close(&f->mark);
	return file_untried_lift(f->dir, f->name);
}

int
file_replace_settle(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX])
{
	const int e = lift_mark(f);

	return e < 0
	    ? fail(ret_why, "the mark that it has not run cannot be removed", e)
	    : 0;
}

/* An editor writes a file of its own, or into this one. */
static bool
is_as_put(const struct file_replace *f)
{
	const struct stat *put = &f->put;
	struct stat st;

	return fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == put->st_dev && st.st_ino == put->st_ino &&
	    st.st_size == put->st_size &&
	    st.st_mtim.tv_sec == put->st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == put->st_mtim.tv_nsec;
}

int
file_replace_undo(
    struct file_replace *f, char ret_why[static FILE_REPLACE_WHY_MAX])
{
	char before[BESIDE_MAX];

	if (!f->replaced)
		return 0;
	if (!is_as_put(f)) {
		(void)lift_mark(f); /* it is of another file */
		(void)snprintf(ret_why, FILE_REPLACE_WHY_MAX,
		    "it was changed here since, and stays: the file before the peer's is %s",
		    before_name(f, before));
		return -EBUSY;
	}
	if (renameat(f->dir, before_name(f, before), f->dir, f->name) == -1)
		return fail(ret_why,
		    "the file that was there before cannot be put back",
		    -errno);
	f->replaced = false;
	/* What it is called is right; only a crash could still undo it. */
	(void)sync_names(f);
	(void)lift_mark(f); /* which is of no file that is there */
	return 0;
}

void
file_replace_close(struct file_replace *f)
{
	char fresh[BESIDE_MAX];

	if (f->dir != -1 && f->written)
		(void)unlinkat(f->dir, fresh_name(f, fresh), 0);
	/* Of one that is there and has not run it stays. */
	if (!f->replaced)
		(void)lift_mark(f);
	fd_close(&f->mark);
	fd_close(&f->dir);
	*f = file_replace_none();
}

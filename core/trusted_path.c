#include "core/trusted_path.h"

#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * How: a walk from "/" with a descriptor of each directory (O_PATH), which is
 * asked for its owner and mode before the next step is taken below it. Links
 * are read and walked here. openat2() and RESOLVE_NO_SYMLINKS would not spare
 * the walk, as they ask for no owner and no mode, and would refuse /var/run;
 * so older kernels need nothing else, either.
 */

#define LINKS_MAX 40 /* as the kernel has it: path_resolution(7) */
#define TRIES_MAX 8  /* somebody makes and removes it all the time */

/* What the kernel shows for an owner who has no number in our namespace. */
#define OVERFLOW_UID 65534

/* Never wait for a FIFO's other end, nor for a device or who has a lease. */
#define CAREFULLY (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

enum ground {
	OWN,     /* nobody else can write here */
	SHARED,  /* others make files, and can't move ours: sticky */
	FOREIGN, /* others do what they like, here and below */
};

enum fault {
	OWNER,
	WRITABLE,
	READABLE,
	LINK,
	NAMES,
};

struct walk {
	enum trusted_path_rule rule;
	int dir; /* O_PATH: how far it has come; -1: nowhere yet */
	enum ground ground;
	unsigned links;
	char at[PATH_MAX]; /* what `dir` is called, without a slash behind */
	char name[TRUSTED_PATH_NAME_MAX]; /* the step that comes next */
	char rest[PATH_MAX];              /* what comes behind it */
	char *why;                        /* borrowed; NULL: no words */
};

/* -- whom we trust --------------------------------------------------------- */

/*
 * In a user namespace the owner of "/" may be somebody outside who has no
 * number here. Who made the namespace has chosen what is in it.
 */
static bool
is_outside(uid_t uid)
{
	CLEANUP(fd_close) int fd = -1;
	char map[4096], *line = map;
	ssize_t n;

	if (uid != OVERFLOW_UID)
		return false;
	fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	n = fd != -1 ? read(fd, map, sizeof(map) - 1) : -1;
	if (n <= 0 || n == sizeof(map) - 1)
		return false;
	map[n] = '\0';
	while (*line != '\0') {
		/* FIRST-INSIDE FIRST-OUTSIDE COUNT */
		const unsigned long first = strtoul(line, &line, 10);
		const unsigned long outside = strtoul(line, &line, 10);
		const unsigned long count = strtoul(line, &line, 10);

		(void)outside;
		if (uid >= first && uid - first < count)
			return false;
		line += strspn(line, " \n");
	}
	return true;
}

static bool
is_trusted(uid_t uid)
{
	return uid == 0 || uid == geteuid() || is_outside(uid);
}

/* -- words ----------------------------------------------------------------- */

static const char *
user_text(uid_t uid, char buf[static 64])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		(void)snprintf(buf, 64, "'%.60s'", pw->pw_name);
	else
		(void)snprintf(buf, 64, "%u", uid);
	return buf;
}

static const char *
group_text(gid_t gid, char buf[static 64])
{
	const struct group *gr = getgrgid(gid);

	if (gr != NULL)
		(void)snprintf(buf, 64, "'%.60s'", gr->gr_name);
	else
		(void)snprintf(buf, 64, "%u", gid);
	return buf;
}

static const char *
consequence(void)
{
	return geteuid() == 0 ? "is root here" : "gets hapair's rights";
}

/* `subject` is "" or a directory's name with a word before and a blank. */
static void
tell_writable(const struct walk *w, const struct stat *st, const char *subject,
    const char *it)
{
	const unsigned mode = st->st_mode & 07777;
	char group[64];

	if ((mode & S_IWOTH) != 0)
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "%scan be written by everybody (mode %04o): chmod %s %s, or anybody %s",
		    subject, mode, (mode & S_IWGRP) != 0 ? "go-w" : "o-w", it,
		    consequence());
	else
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "%scan be written by group %s (mode %04o): chmod g-w %s, or anybody in it %s",
		    subject, group_text(st->st_gid, group), mode, it,
		    consequence());
}

static void
tell_owner(const struct walk *w, const struct stat *st, const char *subject,
    const char *it)
{
	char user[64];

	(void)user_text(st->st_uid, user);
	if (geteuid() == 0)
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "%sbelongs to user %s: chown root %s, or that user %s",
		    subject, user, it, consequence());
	else
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "%sbelongs to user %s; expected root or who runs hapair",
		    subject, user);
}

static bool
is_last(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] == '\0';
}

/* Of the directory that the walk is in (`name` NULL), or of a file there. */
static int
refuse(
    const struct walk *w, enum fault fault, const struct stat *st, bool is_dir)
{
	char subject[256] = "", it[256] = "it", user[64];

	if (w->why == NULL)
		return -EPERM;
	if (is_dir) {
		(void)snprintf(
		    it, sizeof(it), "%.200s", *w->at != '\0' ? w->at : "/");
		(void)snprintf(subject, sizeof(subject), "directory %.200s ",
		    *w->at != '\0' ? w->at : "/");
	} else if (w->links > 0) {
		(void)snprintf(it, sizeof(it), "%.150s/%.100s", w->at, w->name);
	}
	switch (fault) {
	case OWNER:
		tell_owner(w, st, subject, it);
		break;
	case WRITABLE:
		tell_writable(w, st, subject, it);
		break;
	case READABLE:
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "others can read it, its mode is %04o: chmod 0400 %s",
		    st->st_mode & 07777, it);
		break;
	case LINK:
		if (w->links == 0 && is_last(w))
			it[0] = '\0'; /* it is what was asked for */
		else
			(void)snprintf(
			    it, sizeof(it), "%.150s/%.100s ", w->at, w->name);
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "%sis a symbolic link of user %s%s: name what it leads to",
		    it, user_text(st->st_uid, user),
		    w->ground != OWN ? ", where others can write" : "");
		break;
	case NAMES:
		(void)snprintf(w->why, TRUSTED_PATH_WHY_MAX,
		    "has %lu names, and others can write where it lies: remove it",
		    (unsigned long)st->st_nlink);
		break;
	}
	return -EPERM;
}

/* What the system said; its EPERM is no refusal of ours. */
static int
fail(const struct walk *w, int error)
{
	if (w->why != NULL)
		(void)snprintf(
		    w->why, TRUSTED_PATH_WHY_MAX, "%s", strerror(error));
	return error == EPERM ? -EACCES : -error;
}

static int
refuse_kind(const struct walk *w)
{
	if (w->why != NULL)
		(void)snprintf(
		    w->why, TRUSTED_PATH_WHY_MAX, "is not a regular file");
	return -EINVAL;
}

/* -- judgements ------------------------------------------------------------ */

static int
judge_directory(struct walk *w, const struct stat *st)
{
	const bool stranger = !is_trusted(st->st_uid);
	const bool lax = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
	enum ground ground = lax ? SHARED : OWN;

	if (stranger || (lax && (st->st_mode & S_ISVTX) == 0))
		ground = FOREIGN;
	/* Whoever can exchange a directory has chosen what is below. */
	if (w->ground != FOREIGN)
		w->ground = ground;
	if (ground != FOREIGN || w->rule == TRUSTED_PATH_ANYBODYS)
		return 0;
	return refuse(w, stranger ? OWNER : WRITABLE, st, true);
}

static int
judge_file(const struct walk *w, const struct stat *st)
{
	/* What is written there is gone, and nobody waits. */
	if (w->rule == TRUSTED_PATH_ANYBODYS && S_ISCHR(st->st_mode) &&
	    st->st_rdev == makedev(1, 3))
		return 0;
	if (!S_ISREG(st->st_mode))
		return refuse_kind(w);
	/* A second name of a file that is elsewhere is as good as a link. */
	if (w->ground != OWN && st->st_nlink > 1)
		return refuse(w, NAMES, st, false);
	if (w->rule == TRUSTED_PATH_ANYBODYS)
		return 0;
	if (!is_trusted(st->st_uid))
		return refuse(w, OWNER, st, false);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(w, WRITABLE, st, false);
	if (w->rule == TRUSTED_PATH_SECRET &&
	    (st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(w, READABLE, st, false);
	return 0;
}

/* -- the walk -------------------------------------------------------------- */

static int
go_to_root(struct walk *w)
{
	struct stat st;

	fd_close(&w->dir);
	w->ground = OWN;
	w->at[0] = '\0';
	w->dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->dir == -1 || fstat(w->dir, &st) == -1)
		return fail(w, errno);
	return judge_directory(w, &st);
}

/* What comes before all that is still to go. */
static int
put_before(struct walk *w, const char *text)
{
	const size_t len = strlen(text), rest = strlen(w->rest);

	if (len + 1 + rest >= sizeof(w->rest))
		return fail(w, ENAMETOOLONG);
	memmove(w->rest + len + 1, w->rest, rest + 1);
	memcpy(w->rest, text, len);
	w->rest[len] = '/';
	return 0;
}

static int
begin(struct walk *w, const char *path, enum trusted_path_rule rule, char *why)
{
	char here[PATH_MAX];
	int e;

	w->rule = rule;
	w->dir = -1;
	w->links = 0;
	w->why = why;
	w->at[0] = w->name[0] = '\0';
	if (path[0] == '\0')
		return fail(w, ENOENT);
	if (strlen(path) >= sizeof(w->rest))
		return fail(w, ENAMETOOLONG);
	strcpy(w->rest, path);
	if (path[0] != '/') {
		if (getcwd(here, sizeof(here)) == NULL)
			return fail(w, errno);
		e = put_before(w, here);
		if (e < 0)
			return e;
	}
	return go_to_root(w);
}

static void
end(struct walk *w)
{
	fd_close(&w->dir);
}

/* Takes the next name out of the rest; "." where there is none. */
static int
take_name(struct walk *w)
{
	const size_t skip = strspn(w->rest, "/");
	const size_t len = strcspn(w->rest + skip, "/");

	if (len >= sizeof(w->name))
		return fail(w, ENAMETOOLONG);
	memcpy(w->name, w->rest + skip, len);
	strcpy(w->name + len, len == 0 ? "." : "");
	memmove(
	    w->rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	return 0;
}

/* The link is open: what is read is its own. */
static int
follow(struct walk *w, int link, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n;
	int e;

	if (w->ground != OWN || !is_trusted(st->st_uid))
		return refuse(w, LINK, st, false);
	if (++w->links > LINKS_MAX)
		return fail(w, ELOOP);
	n = readlinkat(link, "", target, sizeof(target) - 1);
	if (n == -1)
		return fail(w, errno);
	target[n] = '\0';
	e = put_before(w, target);
	if (e == 0 && target[0] == '/')
		e = go_to_root(w);
	return e;
}

/* What the directory is called, for words alone: cut where it is too long. */
static void
lengthen(struct walk *w)
{
	const size_t len = strlen(w->at), more = strlen(w->name);
	char *slash = strrchr(w->at, '/');

	if (strcmp(w->name, "..") == 0) {
		if (slash != NULL)
			*slash = '\0';
	} else if (strcmp(w->name, ".") != 0 &&
	    len + 1 + more < sizeof(w->at)) {
		w->at[len] = '/';
		memcpy(w->at + len + 1, w->name, more + 1);
	}
}

static int
enter(struct walk *w, int *dir, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return fail(w, ENOTDIR);
	fd_close(&w->dir);
	w->dir = fd_take(dir);
	lengthen(w);
	return judge_directory(w, st);
}

/*
 * To the directory that the last name is in. With `through` the last is no
 * link, as it was looked at, or it is missing.
 */
static int
go(struct walk *w, bool through)
{
	for (;;) {
		CLEANUP(fd_close) int fd = -1;
		struct stat st;
		bool last;
		int e = take_name(w);

		if (e < 0)
			return e;
		last = is_last(w);
		if (last && !through)
			return 0;
		fd = openat(w->dir, w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd == -1 && errno == ENOENT && last)
			return 0;
		if (fd == -1 || fstat(fd, &st) == -1)
			return fail(w, errno);
		if (!S_ISLNK(st.st_mode) && last)
			return 0;
		e = S_ISLNK(st.st_mode) ? follow(w, fd, &st)
		                        : enter(w, &fd, &st);
		if (e < 0)
			return e;
	}
}

/* -- what is at its end ---------------------------------------------------- */

static int
open_last(const struct walk *w, int flags, mode_t mode)
{
	const int plain = (flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | CAREFULLY;
	CLEANUP(fd_close) int fd = -1;
	struct stat st;
	int e;

	errno = ENOENT;
	if ((flags & O_EXCL) == 0)
		fd = openat(w->dir, w->name, plain);
	if (fd == -1 && errno == ENOENT && (flags & O_CREAT) != 0)
		fd = openat(w->dir, w->name, plain | O_CREAT | O_EXCL, mode);
	/* A FIFO that nobody reads, or a socket. */
	if (fd == -1 && errno == ENXIO &&
	    fstatat(w->dir, w->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		return refuse_kind(w);
	if (fd == -1 || fstat(fd, &st) == -1)
		return fail(w, errno);
	e = judge_file(w, &st);
	if (e < 0)
		return e;
	if ((flags & O_TRUNC) != 0 && ftruncate(fd, 0) == -1)
		return fail(w, errno);
	return fd_take(&fd);
}

int
trusted_path_open(const char *path, enum trusted_path_rule rule, int flags,
    mode_t mode, char *ret_why)
{
	int fd = -ELOOP;

	/* It was no link a moment ago, or it was not there: once more. */
	for (unsigned tries = 0; tries < TRIES_MAX &&
	     (fd == -ELOOP || (fd == -EEXIST && (flags & O_EXCL) == 0));
	     tries++) {
		struct walk w;

		fd = begin(&w, path, rule, ret_why);
		if (fd == 0)
			fd = go(&w, true);
		if (fd == 0)
			fd = open_last(&w, flags, mode);
		end(&w);
	}
	return fd;
}

static int
open_directory(struct walk *w, mode_t make)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	CLEANUP(fd_close) int fd = openat(w->dir, w->name, flags);
	struct stat st;
	int e;

	if (fd == -1 && errno == ENOENT && make != 0) {
		if (mkdirat(w->dir, w->name, make) == -1 && errno != EEXIST)
			return fail(w, errno);
		fd = openat(w->dir, w->name, flags);
	}
	if (fd == -1 || fstat(fd, &st) == -1)
		return fail(w, errno);
	lengthen(w);
	e = judge_directory(w, &st);
	return e < 0 ? e : fd_take(&fd);
}

int
trusted_path_directory(
    const char *path, enum trusted_path_rule rule, mode_t make, char *ret_why)
{
	struct walk w;
	int fd = begin(&w, path, rule, ret_why);

	if (fd == 0)
		fd = go(&w, true);
	if (fd == 0)
		fd = open_directory(&w, make);
	end(&w);
	return fd;
}

int
trusted_path_parent(const char *path, enum trusted_path_rule rule,
    char *ret_name, char *ret_why)
{
	struct walk w;
	int fd = begin(&w, path, rule, ret_why);

	if (fd == 0)
		fd = go(&w, false);
	if (fd == 0) {
		strcpy(ret_name, w.name);
		fd = fd_take(&w.dir);
	}
	end(&w);
	return fd;
}

int
trusted_path_look(const char *path, enum trusted_path_rule rule, char *ret_why)
{
	struct walk w;
	struct stat st;
	int e = begin(&w, path, rule, ret_why);

	if (e == 0)
		e = go(&w, true);
	if (e == 0)
		e = fstatat(w.dir, w.name, &st, AT_SYMLINK_NOFOLLOW) == -1
		    ? fail(&w, errno)
		    : judge_file(&w, &st);
	end(&w);
	return e;
}

const char *
trusted_path_fault(const char *path, enum trusted_path_rule rule, int error,
    char ret_why[static TRUSTED_PATH_WHY_MAX])
{
	if ((error == -EPERM || error == -EINVAL) &&
	    trusted_path_look(path, rule, ret_why) == error)
		return ret_why;
	return strerror(-error);
}

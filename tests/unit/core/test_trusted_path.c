#include "core/trusted_path.h"

#include "core/fd.h"
#include "core/mono.h"
#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A user who is none of ours, with a name or without. */
#define STRANGER 54321
#define NOBODY 65534

#define REFUSED (-EPERM)

/* TOP/dir/file, and a link beside one of them that is gone through. */
static const struct row {
	const char *name;
	uid_t top_owner;
	mode_t top;
	uid_t dir_owner;
	mode_t dir;
	uid_t file_owner;
	mode_t file;
	const char
	    *link; /* "" none; "top" to the directory, "dir" to the file */
	uid_t link_owner;
	bool second_name; /* of the file, beside it */
	int anybodys, roots, secret;
	const char *says; /* of the first that is refused */
} rows[] = {
	{ "root's alone", 0, 0755, 0, 0755, 0, 0600, "", 0, false, 0, 0, 0,
	    "" },
	{ "a group reads", 0, 0755, 0, 0750, 0, 0640, "", 0, false, 0, 0,
	    REFUSED, "others can read it, its mode is 0640: chmod 0400 it" },
	{ "a group writes", 0, 0755, 0, 0755, 0, 0664, "", 0, false, 0, REFUSED,
	    REFUSED, "(mode 0664): chmod g-w it, or anybody in it " },
	{ "all write", 0, 0755, 0, 0755, 0, 0666, "", 0, false, 0, REFUSED,
	    REFUSED, "everybody (mode 0666): chmod go-w it, or anybody " },
	{ "another's file", 0, 0755, 0, 0755, STRANGER, 0600, "", 0, false, 0,
	    REFUSED, REFUSED, "belongs to user 54321" },
	{ "nobody's file", 0, 0755, 0, 0755, NOBODY, 0600, "", 0, false, 0,
	    REFUSED, REFUSED, "belongs to user " },
	{ "another's directory", 0, 0755, STRANGER, 0755, 0, 0600, "", 0, false,
	    0, REFUSED, REFUSED, "/top/dir belongs to user 54321" },
	{ "a group's directory", 0, 0755, 0, 0775, 0, 0600, "", 0, false, 0,
	    REFUSED, REFUSED, "(mode 0775): chmod g-w /tmp/" },
	{ "all write in it", 0, 0755, 0, 0757, 0, 0600, "", 0, false, 0,
	    REFUSED, REFUSED, "everybody (mode 0757): chmod o-w /tmp/" },
	{ "another's above it", STRANGER, 0755, 0, 0755, 0, 0600, "", 0, false,
	    0, REFUSED, REFUSED, "/top belongs to user 54321" },
	{ "all write above it", 0, 0777, 0, 0755, 0, 0600, "", 0, false, 0,
	    REFUSED, REFUSED, "/top can be written by everybody" },
	{ "sticky", 0, 0755, 0, 01777, 0, 0600, "", 0, false, 0, 0, 0, "" },
	{ "sticky above it", 0, 01777, 0, 0700, 0, 0600, "", 0, false, 0, 0, 0,
	    "" },
	{ "sticky, of another", 0, 0755, STRANGER, 01777, 0, 0600, "", 0, false,
	    0, REFUSED, REFUSED, "/top/dir belongs to" },
	{ "sticky, another's file", 0, 0755, 0, 01777, STRANGER, 0600, "", 0,
	    false, 0, REFUSED, REFUSED, "belongs to user 54321" },
	{ "link to the file", 0, 0755, 0, 0755, 0, 0600, "dir", 0, false, 0, 0,
	    0, "" },
	{ "link to the directory", 0, 0755, 0, 0755, 0, 0600, "top", 0, false,
	    0, 0, 0, "" },
	{ "link behind a sticky one", 0, 01777, 0, 0755, 0, 0600, "dir", 0,
	    false, 0, 0, 0, "" },
	{ "link to a file that others write", 0, 0755, 0, 0755, 0, 0666, "dir",
	    0, false, 0, REFUSED, REFUSED, "chmod go-w /tmp/" },
	{ "another's link", 0, 0755, 0, 0755, 0, 0600, "dir", STRANGER, false,
	    REFUSED, REFUSED, REFUSED,
	    "is a symbolic link of user 54321: name what it leads to" },
	{ "link in a sticky one", 0, 0755, 0, 01777, 0, 0600, "dir", 0, false,
	    REFUSED, REFUSED, REFUSED, ", where others can write: name what" },
	{ "link to a directory in a sticky one", 0, 01777, 0, 0755, 0, 0600,
	    "top", 0, false, REFUSED, REFUSED, REFUSED, "/top/link is a sym" },
	{ "link in another's", 0, 0755, STRANGER, 0755, 0, 0600, "dir", 0,
	    false, REFUSED, REFUSED, REFUSED, "" },
	{ "link in a group's", 0, 0755, 0, 0775, 0, 0600, "dir", 0, false,
	    REFUSED, REFUSED, REFUSED, "" },
	{ "link below another's", STRANGER, 0755, 0, 0755, 0, 0600, "dir", 0,
	    false, REFUSED, REFUSED, REFUSED, "" },
	{ "two names", 0, 0755, 0, 0755, 0, 0600, "", 0, true, 0, 0, 0, "" },
	{ "two names in a sticky one", 0, 0755, 0, 01777, 0, 0600, "", 0, true,
	    REFUSED, REFUSED, REFUSED, "has 2 names" },
	{ "two names in another's", 0, 0755, STRANGER, 0755, 0, 0600, "", 0,
	    true, REFUSED, REFUSED, REFUSED, "" },
};

static char top[SCRATCH_PATH_MAX], dir[SCRATCH_PATH_MAX],
    file[SCRATCH_PATH_MAX], second[SCRATCH_PATH_MAX], to[SCRATCH_PATH_MAX];

/* 0 in a row is whoever runs this. */
static void
give(const char *path, uid_t owner, mode_t mode)
{
	if (owner != 0)
		assert_int_equal(lchown(path, owner, (gid_t)-1), 0);
	if (mode != 0)
		assert_int_equal(chmod(path, mode), 0);
}

static void
clear(void)
{
	char beside[SCRATCH_PATH_MAX];

	(void)unlink(scratch_path("top/dir/link", beside));
	(void)unlink(scratch_path("top/link", beside));
	(void)unlink(second);
	(void)unlink(file);
	(void)rmdir(dir);
	(void)rmdir(top);
}

static void
names(void)
{
	(void)scratch_path("top", top);
	(void)scratch_path("top/dir", dir);
	(void)scratch_path("top/dir/file", file);
	(void)scratch_path("top/dir/second", second);
	clear();
}

/* Returns the path to go by. */
static const char *
make(const struct row *r)
{
	char beside[SCRATCH_PATH_MAX];
	int fd;

	names();
	assert_int_equal(mkdir(top, 0700), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(close(fd), 0);
	(void)strcpy(to, file);
	if (strcmp(r->link, "dir") == 0) {
		(void)scratch_path("top/dir/link", beside);
		assert_int_equal(symlink("../dir/file", beside), 0);
		(void)strcpy(to, beside);
		give(beside, r->link_owner, 0);
	} else if (strcmp(r->link, "top") == 0) {
		(void)scratch_path("top/link", beside);
		assert_int_equal(symlink(dir, beside), 0);
		(void)scratch_path("top/link/file", to);
		give(beside, r->link_owner, 0);
	}
	if (r->second_name)
		assert_int_equal(link(file, second), 0);
	give(file, r->file_owner, r->file);
	give(dir, r->dir_owner, r->dir);
	give(top, r->top_owner, r->top);
	return to;
}

/* As for a log: it would be truncated, were it not refused. */
static void
ask(const char *path, enum trusted_path_rule rule, int expected,
    const char *says)
{
	char why[TRUSTED_PATH_WHY_MAX] = "";
	struct stat st;
	int fd = trusted_path_open(
	    path, rule, O_WRONLY | O_CREAT | O_TRUNC, 0600, why);

	assert_int_equal(fd < 0 ? fd : 0, expected);
	if (expected < 0 && strstr(why, says) == NULL)
		fail_msg("'%s' does not say '%s'", why, says);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, expected < 0 ? 4 : 0);
	fd_close(&fd);
	if (expected == 0)
		assert_int_equal(truncate(file, 4), 0);
	assert_int_equal(trusted_path_look(path, rule, NULL), expected);
}

static void
owners_modes_and_links_decide(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + ARRAY_LEN(rows); r++) {
		const uid_t others =
		    r->top_owner | r->dir_owner | r->file_owner | r->link_owner;
		const char *path;

		/* Only root gives files away. */
		if (others != 0 && geteuid() != 0)
			continue;
		test_row(r->name);
		path = make(r);
		ask(path, TRUSTED_PATH_ANYBODYS, r->anybodys, r->says);
		ask(path, TRUSTED_PATH_ROOTS, r->roots, r->says);
		ask(path, TRUSTED_PATH_SECRET, r->secret, r->says);
	}
	clear();
}

/* Nothing waits for the other end, and what is no file is not written to. */
static void
only_files_are_opened(void **state)
{
	static const enum trusted_path_rule all[] = { TRUSTED_PATH_ANYBODYS,
		TRUSTED_PATH_ROOTS, TRUSTED_PATH_SECRET };
	char pipe[SCRATCH_PATH_MAX], why[TRUSTED_PATH_WHY_MAX];

	(void)state;
	assert_int_equal(mkfifo(scratch_path("pipe", pipe), 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		assert_int_equal(
		    trusted_path_open(pipe, all[i], O_RDONLY, 0, why), -EINVAL);
		assert_text(why, "is not a regular file");
		assert_int_equal(
		    trusted_path_open(pipe, all[i], O_WRONLY | O_CREAT, 0, why),
		    -EINVAL);
		assert_int_equal(trusted_path_open(scratch_folder(), all[i],
		                     O_RDONLY, 0, why),
		    -EINVAL);
		assert_int_equal(trusted_path_open(
		                     "/dev/tty", all[i], O_RDONLY, 0, NULL) < 0,
		    true);
	}
}

static void
what_is_missing_is_made_with_its_mode(void **state)
{
	char path[SCRATCH_PATH_MAX], why[TRUSTED_PATH_WHY_MAX];
	struct stat st;
	int fd;

	(void)state;
	(void)umask(022);
	(void)scratch_path("new", path);
	assert_int_equal(
	    trusted_path_open(path, TRUSTED_PATH_ROOTS, O_RDWR, 0, why),
	    -ENOENT);
	assert_text(why, strerror(ENOENT));
	fd = trusted_path_open(
	    path, TRUSTED_PATH_ROOTS, O_RDWR | O_CREAT, 0640, why);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd_close(&fd);
	assert_int_equal(trusted_path_open(path, TRUSTED_PATH_ROOTS,
	                     O_RDWR | O_CREAT | O_EXCL, 0640, why),
	    -EEXIST);
	(void)scratch_path("newdir", path);
	assert_int_equal(
	    trusted_path_directory(path, TRUSTED_PATH_ROOTS, 0, why), -ENOENT);
	fd = trusted_path_directory(path, TRUSTED_PATH_ROOTS, 0700, why);
	assert_true(fd >= 0);
	fd_close(&fd);
	(void)scratch_path("none/newdir", path);
	assert_int_equal(
	    trusted_path_directory(path, TRUSTED_PATH_ROOTS, 0700, why),
	    -ENOENT);
}

/* From where we are, over "..", many slashes, and the system's own links. */
static void
the_way_is_walked_as_the_kernel_does(void **state)
{
	char path[SCRATCH_PATH_MAX], loop[SCRATCH_PATH_MAX], here[PATH_MAX];
	char name[TRUSTED_PATH_NAME_MAX];
	int fd;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	(void)scratch_write("walked", "", 0600, path);
	assert_int_equal(chdir(scratch_folder()), 0);
	assert_int_equal(trusted_path_look(path, TRUSTED_PATH_ROOTS, NULL), 0);
	assert_int_equal(
	    trusted_path_look("walked", TRUSTED_PATH_ROOTS, NULL), 0);
	assert_int_equal(trusted_path_look(".//../.././/etc/./passwd",
	                     TRUSTED_PATH_ROOTS, NULL),
	    0);
	assert_int_equal(
	    trusted_path_look("", TRUSTED_PATH_ROOTS, NULL), -ENOENT);
	assert_int_equal(
	    trusted_path_look("walked/below", TRUSTED_PATH_ROOTS, NULL),
	    -ENOTDIR);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(symlink("loop", scratch_path("loop", loop)), 0);
	assert_int_equal(
	    trusted_path_look(loop, TRUSTED_PATH_ROOTS, NULL), -ELOOP);
	/* A link to /run on most systems. */
	fd = trusted_path_directory("/var/run", TRUSTED_PATH_ROOTS, 0, NULL);
	assert_true(fd >= 0);
	fd_close(&fd);
	fd = trusted_path_directory("/", TRUSTED_PATH_ROOTS, 0, NULL);
	assert_true(fd >= 0);
	fd_close(&fd);
	/* The last step is not taken, and may be anything. */
	fd = trusted_path_parent(loop, TRUSTED_PATH_ROOTS, name, NULL);
	assert_true(fd >= 0);
	assert_text(name, "loop");
	fd_close(&fd);
}

/* -- races ----------------------------------------------------------------- */

static atomic_bool over;

/* A directory and a link to another one change places all the time. */
static void *
exchange(void *unused)
{
	char link[SCRATCH_PATH_MAX];

	(void)unused;
	(void)scratch_path("top/link", link);
	while (!atomic_load(&over))
		(void)renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE);
	return NULL;
}

static void
what_is_exchanged_meanwhile_leads_nowhere(void **state)
{
	const struct row r = {
		.top = 0777, .dir = 0755, .file = 0600, .link = ""
	};
	char link[SCRATCH_PATH_MAX], other[SCRATCH_PATH_MAX], text[8];
	unsigned opened = 0, refused = 0;
	const struct mono begin = mono_now();
	const struct mono until = mono_add_ms(begin, 1000);
	const struct mono at_last = mono_add_ms(begin, 30000);
	pthread_t thread;

	(void)state;
	(void)make(&r);
	assert_int_equal(mkdir(scratch_path("other", other), 0700), 0);
	(void)scratch_write("other/file", "secret", 0600, link);
	assert_int_equal(symlink(other, scratch_path("top/link", link)), 0);
	assert_int_equal(pthread_create(&thread, NULL, exchange, NULL), 0);
	/* Longer where the other thread does not get to run. */
	while (mono_before(mono_now(), until) ||
	    ((opened == 0 || refused == 0) &&
	        mono_before(mono_now(), at_last))) {
		int fd = trusted_path_open(
		    file, TRUSTED_PATH_ANYBODYS, O_RDONLY, 0, NULL);

		refused += fd == -EPERM;
		if (fd < 0)
			continue;
		opened++;
		assert_int_equal(read(fd, text, sizeof(text)), 4);
		assert_memory_equal(text, "text", 4);
		fd_close(&fd);
	}
	atomic_store(&over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(opened > 0 && refused > 0);
}

/* -- namespaces ------------------------------------------------------------ */

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		_exit(2);
	(void)close(fd);
}

/*
 * Where root is not mapped, "/" belongs to nobody; and where somebody is who
 * has that number, it is a user like others.
 */
static void
who_is_outside_of_our_namespace_is_no_stranger(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip(); /* who is root cannot be anybody else */
	pid = fork();
	if (pid == 0) {
		/* Else the map would be root's, as that of any who was. */
		if (setgid(STRANGER) == -1 || setuid(STRANGER) == -1 ||
		    prctl(PR_SET_DUMPABLE, 1) == -1 ||
		    unshare(CLONE_NEWUSER) == -1)
			_exit(77);
		put("/proc/self/uid_map", "0 54321 1");
		_exit(trusted_path_look(
		          "/etc/passwd", TRUSTED_PATH_ROOTS, NULL) == 0
		        ? 0
		        : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* who is not root may make none here */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_modes_and_links_decide),
		cmocka_unit_test(only_files_are_opened),
		cmocka_unit_test(what_is_missing_is_made_with_its_mode),
		cmocka_unit_test(the_way_is_walked_as_the_kernel_does),
		cmocka_unit_test(what_is_exchanged_meanwhile_leads_nowhere),
		cmocka_unit_test(
		    who_is_outside_of_our_namespace_is_no_stranger),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

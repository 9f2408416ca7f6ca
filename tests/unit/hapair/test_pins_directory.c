#include "hapair/supervisor/pins_directory.h"

#include "core/fd.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void
elsewhere_nothing_is_made(void **state)
{
	const struct proc_user user = { .uid = 65520, .gid = 65520 };
	struct stat st;

	(void)state;
	assert_int_equal(
	    pins_directory_make("/dev/shm/hapair-pins", &user), -ENOTSUP);
	assert_int_equal(stat("/dev/shm/hapair-pins", &st), -1);
	assert_int_equal(
	    pins_directory_make("/nowhere/at/all", &user), -ENOENT);
	assert_false(pins_directory_is_used("/dev/shm/hapair-pins"));
	assert_false(pins_directory_is_used("/nowhere/at/all"));
	assert_text(pins_directory_fault(-ENOTSUP), "is in no BPF file system");
	assert_text(pins_directory_fault(-ENOENT), "has no directory above it");
}

static bool
mount_bpffs(const char *at)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("bpf", at, "bpf", 0, "mode=0700") == 0;
}

/* A number that nobody has may be another at each start. */
static void
it_is_the_users_with_all_that_is_in_it(void **state)
{
	const struct proc_user first = { .uid = 65520, .gid = 65521 };
	const struct proc_user later = { .uid = 65522, .gid = 65523 };
	const char *path = "/mnt/hapair", *inside = "/mnt/hapair/inner";
	int lock;
	struct stat st;

	(void)state;
	if (!mount_bpffs("/mnt"))
		skip(); /* not root, or no bpffs */
	assert_int_equal(pins_directory_make(path, &first), 0);
	assert_false(pins_directory_is_used(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, first.uid);
	assert_int_equal(mkdir(inside, 0700), 0);
	assert_true(pins_directory_is_used(path));
	assert_int_equal(pins_directory_make(path, &later), 0);
	assert_int_equal(stat(inside, &st), 0);
	assert_int_equal(st.st_uid, later.uid);
	assert_int_equal(st.st_gid, later.gid);
	/* It is one daemon's. */
	lock = pins_directory_lock(path);
	assert_true(lock >= 0);
	assert_int_equal(pins_directory_lock(path), -EBUSY);
	fd_close(&lock);
	lock = pins_directory_lock(path);
	assert_true(lock >= 0);
	fd_close(&lock);
	/* What leads out of it is not followed. */
	assert_int_equal(symlink("/etc", "/mnt/link"), 0);
	assert_true(pins_directory_make("/mnt/link", &first) < 0);
	assert_int_equal(stat("/etc", &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(umount2("/mnt", MNT_DETACH), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elsewhere_nothing_is_made),
		cmocka_unit_test(it_is_the_users_with_all_that_is_in_it),
	};

	TEST_MAIN(tests);
}

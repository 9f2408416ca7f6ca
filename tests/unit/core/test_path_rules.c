#include "core/path_rules.h"

#include "tests/lib/scratch.h"
#include "tests/lib/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Status 77: this kernel has no Landlock. */
#define NONE 77

static bool
opens(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd != -1 && close(fd) == 0;
}

static int
status_of(void (*act)(void))
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void
enter(const struct path_rules_path *paths, size_t n)
{
	int e = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	if (e == 0)
		e = path_rules_enter(paths, n);
	if (e == -ENOSYS)
		_exit(NONE);
	if (e < 0)
		_exit(1);
}

static void
try_some(void)
{
	char file[SCRATCH_PATH_MAX], made[SCRATCH_PATH_MAX];
	const struct path_rules_path paths[] = {
		{ "/etc", PATH_RULES_READ },
		{ "/no/such/place", PATH_RULES_READ },
		{ "/dev/null", PATH_RULES_WRITE },
		{ scratch_folder(), PATH_RULES_WRITE },
	};

	(void)scratch_path("file", file);
	(void)scratch_path("made", made);
	enter(paths, ARRAY_LEN(paths));
	if (!opens("/etc/passwd", O_RDONLY) || opens("/etc/passwd", O_WRONLY))
		_exit(2);
	if (opens("/proc/version", O_RDONLY))
		_exit(3);
	if (!opens("/dev/null", O_RDWR))
		_exit(4);
	if (!opens(file, O_RDWR | O_CREAT | O_TRUNC) ||
	    rename(file, made) != 0 || unlink(made) != 0)
		_exit(5);
}

static void
try_none(void)
{
	enter(NULL, 0);
	if (opens("/etc/passwd", O_RDONLY) || opens("/dev/null", O_WRONLY))
		_exit(2);
}

static void
only_these_can_be_opened(void **state)
{
	const int status = status_of(try_some);

	(void)state;
	assert_true(status == 0 || status == NONE);
}

static void
without_any_none_can(void **state)
{
	const int status = status_of(try_none);

	(void)state;
	assert_true(status == 0 || status == NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_these_can_be_opened),
		cmocka_unit_test(without_any_none_can),
	};

	TEST_MAIN_WITH(tests, scratch_make, scratch_remove);
}

#include "hapair/cli/pidfile.h"

#include "core/fd.h"
#include "core/log.h"
#include "core/trusted_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
pidfile_write(struct pidfile *p, const char *path)
{
	CLEANUP(fd_close) int fd = -1;
	char text[16];
	int n, e;

	if (path == NULL)
		return 0;
	fd = trusted_path_open(
	    path, TRUSTED_PATH_ROOTS, O_WRONLY | O_CREAT | O_TRUNC, 0644, NULL);
	if (fd < 0)
		return fd_take(&fd);
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	e = fd_write_all(fd, text, (size_t)n);
	if (e == 0)
		p->path = path;
	return e;
}

void
pidfile_remove(struct pidfile *p)
{
	CLEANUP(fd_close) int dir = -1;
	char name[TRUSTED_PATH_NAME_MAX];

	if (p->path == NULL)
		return;
	dir = trusted_path_parent(p->path, TRUSTED_PATH_ROOTS, name, NULL);
	if (dir < 0 || unlinkat(dir, name, 0) == -1)
		log_warning("supervisor",
		    "[stop] pid file %s cannot be removed: %s", p->path,
		    strerror(dir < 0 ? -dir : errno));
	p->path = NULL;
}

static _Noreturn void
wait_for_child(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Points the descriptors from `first` to `last` at nothing. */
static int
point_at_nothing(int first, int last)
{
	CLEANUP(fd_close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1)
		return -errno;
	for (int fd = first; fd <= last; fd++)
		if (dup2(null, fd) == -1)
			return -errno;
	return 0;
}

/* All but stderr, on which the start may still complain. */
static int
leave_terminal(void)
{
	if (setsid() == -1 || chdir("/") == -1)
		return -errno;
	return point_at_nothing(STDIN_FILENO, STDOUT_FILENO);
}

int
pidfile_leave_stderr(void)
{
	return point_at_nothing(STDERR_FILENO, STDERR_FILENO);
}

int
pidfile_daemonize(int *ret_ready_fd)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return -errno;
	pid = fork();
	if (pid == -1)
		return -errno;
	if (pid > 0) {
		fd_close(&ends[1]);
		wait_for_child(ends[0]);
	}
	fd_close(&ends[0]);
	*ret_ready_fd = ends[1];
	return leave_terminal();
}

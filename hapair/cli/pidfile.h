#pragma once

/*
 * What the old way of running a daemon wants: a fork into the background, and
 * a file with the process's number.
 */

#include "core/base.h"

struct pidfile {
	const char *path; /* borrowed; NULL: none written */
};

/* `path` NULL: none is wanted. Returns 0 or -errno. */
MUST_CHECK int pidfile_write(struct pidfile *p, const char *path);
void pidfile_remove(struct pidfile *p);

/*
 * Goes on in a child that has left the terminal. The parent waits until a byte
 * is written to *ret_ready_fd and exits with 0, or, when the child ends first,
 * with 1. Returns in the child only: 0, or -errno where there is none.
 */
MUST_CHECK int pidfile_daemonize(int *ret_ready_fd);

/* The last that a daemon keeps of its terminal. Returns 0 or -errno. */
MUST_CHECK int pidfile_leave_stderr(void);

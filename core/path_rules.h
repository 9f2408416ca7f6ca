#pragma once

/*
 * Which files this process may still open: the door to Landlock, which Linux
 * has from 5.13 on, where it is not switched off. What is named with its
 * directory stays reachable when it is replaced; what is open already stays
 * open, and so do memory files.
 */

#include "core/base.h"

enum path_rules_right {
	PATH_RULES_READ,
	PATH_RULES_WRITE, /* and read, make and remove files in it */
};

struct path_rules_path {
	const char *path; /* a directory and all that is in it, or a file */
	enum path_rules_right right;
};

/*
 * Only these from now on; what is not there is left out. Where the kernel knows
 * how, no process but those that we start can be sent a signal, and no socket
 * with an abstract name be reached. Holds the calling thread and those that it
 * starts: before the first. After proc_drop(). Returns 0, -ENOSYS where the
 * kernel or this build has none of it, or -errno.
 */
MUST_CHECK int path_rules_enter(const struct path_rules_path *paths, size_t n);

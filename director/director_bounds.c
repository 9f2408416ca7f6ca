#include "director/director_bounds.h"

#include "core/log.h"
#include "core/path_rules.h"
#include "core/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

/* Read-only, and nothing is made. */
#define OPENS_TO_READ(n)                                                       \
	SYSCALL_FILTER_NONE_OF(n, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const struct syscall_filter_rule rules[] = {
	/* Maps, and the program for an interface that comes. */
	{ .calls = "bpf" },
	/* Where it is attached; routes and interfaces. */
	{ .calls = "socket",
	    .tests = { SYSCALL_FILTER_INT(0, AF_NETLINK),
	        SYSCALL_FILTER_INT(2, NETLINK_ROUTE) } },
	/* The pins, when nothing is left that needs them. */
	{ .calls = "unlink unlinkat" },
	/* What a library would like to know, it does without. */
	{ .calls = "open", .error = EACCES, .tests = { OPENS_TO_READ(1) } },
	{ .calls = "openat", .error = EACCES, .tests = { OPENS_TO_READ(2) } },
	{ .calls =
	        "stat lstat statx access faccessat readlink readlinkat statfs",
	    .error = EACCES },
	{ .calls = "newfstatat",
	    .error = EACCES,
	    .tests = { SYSCALL_FILTER_NONE_OF(3, AT_EMPTY_PATH) } },
};

void
director_bounds_no_files(const char *pins)
{
	const struct path_rules_path paths[] = {
		{ .path = pins, .right = PATH_RULES_WRITE },
	};
	const int e = path_rules_enter(paths, pins != NULL ? 1 : 0);

	if (e < 0)
		log_debug(
		    "director", "files are not bounded: %s", strerror(-e));
}

void
director_bounds_calls(int report)
{
	const int e = syscall_filter_enter(rules, ARRAY_LEN(rules), report);

	if (e < 0)
		log_notice("director", "system calls are not filtered: %s",
		    strerror(-e));
}

#include "failover/failover_bounds.h"

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
	{ .calls = "socket", .tests = { SYSCALL_FILTER_INT(0, AF_PACKET) } },
	/* Addresses and links; sockets, of which some are destroyed. */
	{ .calls = "socket",
	    .tests = { SYSCALL_FILTER_INT(0, AF_NETLINK),
	        SYSCALL_FILTER_INT(2, NETLINK_ROUTE) } },
	{ .calls = "socket",
	    .tests = { SYSCALL_FILTER_INT(0, AF_NETLINK),
	        SYSCALL_FILTER_INT(2, NETLINK_SOCK_DIAG) } },
	/* Its threads become real-time, by the limit that was left to them. */
	{ .calls = "sched_setscheduler",
	    .tests = { SYSCALL_FILTER_INT(0, 0) } },
	{ .calls = "sched_getscheduler sched_getparam" },
	{ .calls = "sched_get_priority_max sched_get_priority_min" },
	/*
	 * A library that wants to know the time zone, the processors or the
	 * overcommitment does without. Whoever writes has no such excuse.
	 */
	{ .calls = "open", .error = EACCES, .tests = { OPENS_TO_READ(1) } },
	{ .calls = "openat", .error = EACCES, .tests = { OPENS_TO_READ(2) } },
	{ .calls = "stat lstat statx access faccessat readlink readlinkat",
	    .error = EACCES },
	{ .calls = "newfstatat",
	    .error = EACCES,
	    .tests = { SYSCALL_FILTER_NONE_OF(3, AT_EMPTY_PATH) } },
};

void
failover_bounds_no_files(void)
{
	const int e = path_rules_enter(NULL, 0);

	if (e < 0)
		log_debug(
		    "failover", "files are not bounded: %s", strerror(-e));
}

void
failover_bounds_calls(int report)
{
	const int e = syscall_filter_enter(rules, ARRAY_LEN(rules), report);

	if (e < 0)
		log_notice("failover", "system calls are not filtered: %s",
		    strerror(-e));
}

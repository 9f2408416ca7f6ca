#pragma once

/*
 * Which system calls this process may make from now on: the door to libseccomp.
 * A role states what it needs as a table, and each of its threads is held to
 * it. A call that is in no table ends the process, by SIGSYS, and its number is
 * left in a pipe, where the supervisor finds it. Some calls are declined with
 * an error instead: those that a library makes on its own and can do without,
 * and those that are newer than we are.
 *
 * 64-bit only: elsewhere calls have other names. A sanitizer's runtime makes
 * calls that we never do, so that builds with one go without.
 */

#include "core/base.h"

/* An argument, of which only the bits of `mask` are looked at. */
struct syscall_filter_test {
	unsigned arg;
	uint64_t mask, value;
};

struct syscall_filter_rule {
	const char *calls; /* names, with a space between; unknown: left out */
	int error;         /* 0: they are let through; else what they say */
	struct syscall_filter_test tests[2]; /* all that have a mask hold */
};

/* An argument that is an int, and is `number`. */
#define SYSCALL_FILTER_INT(n, number)                                          \
	{                                                                      \
		.arg = (n), .mask = 0xffffffff, .value = (number)              \
	}

/* An argument of whose `bits` none is set. */
#define SYSCALL_FILTER_NONE_OF(n, bits)                                        \
	{                                                                      \
		.arg = (n), .mask = (bits), .value = 0                         \
	}

/*
 * All threads are held to `rules` and to what any process of ours needs. After
 * proc_drop(). `report` is the pipe's end, which stays the caller's. Returns 0,
 * -ENOSYS where the kernel or this build has no filters, -ECANCELED where the
 * environment has HAPAIR_UNFILTERED, or -errno.
 */
MUST_CHECK int syscall_filter_enter(
    const struct syscall_filter_rule *rules, size_t n, int report);

/*
 * For a process that starts programs of others, which inherit its filter: all
 * is let through but what no program without rights has any business with.
 */
MUST_CHECK int syscall_filter_enter_wide(int report);

/* What a process left in the pipe of which this is the other end; -1: nothing.
 */
int syscall_filter_read_report(int fd);

#define SYSCALL_FILTER_NAME_MAX 32

/* "ptrace", or the number where it has no name. Returns ret_name. */
const char *syscall_filter_name(
    int number, char ret_name[static SYSCALL_FILTER_NAME_MAX]);

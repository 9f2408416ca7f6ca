#pragma once

/*
 * What a process may do and when it must end: capabilities (the door to
 * libcap-ng), user, death with its parent. Called once, at a role's start.
 */

#include "core/base.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>

enum proc_caps {
	PROC_CAPS_NONE,
	PROC_CAPS_FAILOVER, /* CAP_NET_ADMIN, CAP_NET_RAW */
	/* These, and CAP_BPF and CAP_PERFMON where they are there. */
	PROC_CAPS_DIRECTOR,
};

/* Numbers: names were looked up by whoever has the time to. */
struct proc_user {
	uid_t uid;
	gid_t gid;
};

/*
 * Nobody reads what is in this process's memory: it leaves no core, and no
 * process but one of root's looks into it. Files that it makes from now on are
 * without the bits of `mask`, too. What it starts inherits the first and the
 * last.
 */
void proc_shut(mode_t mask);

/*
 * Becomes `user`, keeps only these capabilities, and can never gain any again
 * (no_new_privs). Where the caller is not root there is nothing to drop and
 * users stay. Threads that are there already keep what they have: to be called
 * before the first. Returns 0 or -errno, with *ret_what naming the step that
 * failed.
 */
MUST_CHECK int proc_drop(
    const struct proc_user *user, enum proc_caps caps, const char **ret_what);

/*
 * A kernel's program is loaded: older verifiers look at it as it deserves only
 * for who has CAP_PERFMON, and nothing else needs that. Of the calling thread,
 * and so to be called before the first other one. Returns 0 or -EPERM.
 */
MUST_CHECK int proc_drop_perfmon(void);

/*
 * This process gets `sig` when its parent ends. To be called after proc_drop():
 * the kernel forgets it on a change of user. Returns 0, or -ESRCH where the
 * parent (`parent`) has ended already.
 */
MUST_CHECK int proc_die_with(pid_t parent, int sig);

/*
 * Where memory is out the kernel may end this process like any other, whatever
 * its parent is spared. Only raises what was lowered. Safe after fork(); while
 * the file is still ours, before proc_drop().
 */
void proc_spare_no_more(void);

/*
 * Who is woken runs soon, also beside others that have work to do: the kernel
 * (Linux 6.12 and later) prefers those whose slices are short. For all threads
 * that follow, and programs. Safe after fork(). Where the kernel knows nothing
 * of it all stays as it is.
 */
#define PROC_SLICE_NS 500000
void proc_shorten_slices(void);

/*
 * This thread has much to do, and others are urgent: it never interrupts who
 * runs, is to be interrupted within PROC_LEAST_SLICE_NS (by the same kernels),
 * and is nicer by so much. Refused, all stays as it is.
 */
#define PROC_LEAST_SLICE_NS 100000
void proc_step_back(int nicer);

/*
 * A thread that gets no signals: they are the main thread's business. Without a
 * size its stack is as large as usual. Returns 0 or -errno.
 */
MUST_CHECK int proc_start_thread(pthread_t *ret_thread, size_t stack_bytes,
    void *(*main)(void *arg), void *arg);

/* The name that ps and top show, at most 15 characters. */
void proc_set_name(const char *name);

/*
 * A memory file that nobody can change any more, at offset 0. Returns a
 * descriptor or -errno.
 */
MUST_CHECK int proc_sealed_file(const char *name, const void *data, size_t len);

#pragma once

/*
 * What a process may do and when it must end: capabilities (the door to
 * libcap-ng), user, death with its parent. Called once, at a role's start, and
 * proc_drop_thread() by the log's thread.
 */

#include "core/base.h"

#include <pthread.h>
#include <sys/types.h>

enum proc_caps {
	PROC_CAPS_NONE,
	PROC_CAPS_FAILOVER, /* CAP_NET_ADMIN, CAP_NET_RAW */
};

/*
 * Becomes `user` and `group` (names; NULL: stays who it is), keeps only these
 * capabilities, and can never gain any again (no_new_privs). Where the caller
 * is not root there is nothing to drop and users stay. Returns 0 or -errno,
 * with *ret_what naming the step that failed.
 */
MUST_CHECK int proc_drop(const char *user, const char *group,
    enum proc_caps caps, const char **ret_what);

/*
 * The calling thread keeps no capability and can never gain any. proc_drop()
 * takes away from its own thread and from those that start later (users are
 * everybody's); one that was there before does this itself, and after it: a
 * change of user that one thread may not make ends the process.
 */
void proc_drop_thread(void);

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

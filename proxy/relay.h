#pragma once

/*
 * The relay role: the process that accepts, chooses, connects and moves bytes.
 * This is its main function, on the main thread: checks, counters, status. The
 * workers (worker.h) are threads of it.
 */

#include "core/proc.h"

/*
 * `chan` is the channel to the supervisor (core/msg.h says what comes over
 * it), `report` the pipe of core/syscall_filter.h, `user` whom it becomes.
 * Returns the process's exit status.
 */
int relay_run(int channel, int report, const struct proc_user *user);

#pragma once

/*
 * The failover role: the process that holds the heartbeat and the election and
 * alone changes addresses. This is its main function; it returns when the role
 * has ended in good order, with every virtual IP released and the peer told.
 */

#include "core/proc.h"

/*
 * `channel` is the one to the supervisor (core/msg.h says what comes over
 * it), `report` the pipe of core/syscall_filter.h, `user` whom it becomes.
 * Returns the process's exit status.
 */
int failover_run(int channel, int report, const struct proc_user *user);

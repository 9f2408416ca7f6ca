#pragma once

/*
 * The director's process, of services with `path: kernel`: passes connections
 * on in the kernel, and tells the peer of them before their server hears of it.
 * It begins with its channel to the supervisor and nothing else.
 */

#include "core/proc.h"

/* Its whole life. `report`: core/syscall_filter.h. Returns the exit status. */
int director_run(int channel, int report, const struct proc_user *user);

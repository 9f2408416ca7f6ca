#pragma once

/*
 * What the relay may still ask of the kernel once it has its rights: the system
 * calls that relaying and checking take, and the files that names, certificates
 * and tickets are in. A relay that runs check scripts of the operator's is held
 * to less, for they inherit it: any file, and all but the worst of calls.
 */

#include "core/proc.h"

struct config;

/*
 * Before the first thread: each has the rights of whoever started it. Returns 0
 * or -errno, which is told.
 */
MUST_CHECK int relay_bounds_drop(const struct proc_user *user, pid_t parent);

/*
 * After relay_bounds_drop(), before the first thread. `report` as in
 * core/syscall_filter.h. What the kernel does not have is left out, which is
 * told in a line. Returns 0 or -ENOENT: what a check needs is not here.
 */
MUST_CHECK int relay_bounds_enter(const struct config *c, int report);

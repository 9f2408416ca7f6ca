#pragma once

/* The CPU time of another process. */

#include <stdint.h>

/*
 * Of all its threads that live, in nanoseconds: the kernel's own account, for
 * ticks are far too coarse. 0: it is not there.
 */
uint64_t proc_cpu_ns(const char *pid);

#pragma once

/*
 * What failover may still ask of the kernel: the system calls that its work
 * takes, and no file at all. Used by failover.c as it begins. What the kernel
 * does not have is left out, which is told in a line.
 */

/*
 * No file can be opened or made from now on, and no process of others be sent a
 * signal. After proc_drop(), before the first thread: those that come later are
 * held to it.
 */
void failover_bounds_no_files(void);

/* Holds all threads; `report` as in core/syscall_filter.h. */
void failover_bounds_calls(int report);

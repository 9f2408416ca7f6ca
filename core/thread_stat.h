#pragma once

/*
 * What the kernel says of a thread, in /proc/PID/task/TID/stat (proc(5)): what
 * it does, and how long it has had a processor.
 */

#include "core/base.h"

struct thread_stat {
	char state;      /* 'R': it runs, or would if it had a processor */
	uint64_t cpu_ms; /* that it had one so far; in steps of 10 */
};

/* The largest: 52 numbers of up to 20 digits, and a name. */
#define THREAD_STAT_TEXT_MAX 1200

/* Pure. `text` needs no end. Returns 0, or -EBADMSG for something else. */
MUST_CHECK int thread_stat_parse(
    const char *text, size_t len, struct thread_stat *ret_stat);

/* Reads such a file anew; it never waits. Returns 0 or -errno. */
MUST_CHECK int thread_stat_read(int fd, struct thread_stat *ret_stat);

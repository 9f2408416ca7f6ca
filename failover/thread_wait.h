#pragma once

/*
 * Whether to wait for a thread whose count stands. A thread that sleeps, is
 * stopped or turns in a circle serves nobody any more. One that would run and
 * is not given a processor serves again in a moment, and a takeover would cost
 * its clients more than that moment; a machine can be so busy, a hypervisor so
 * short of processors and a scheduler so unfair that it takes seconds.
 *
 * Pure: begins as zeros.
 */

#include "core/thread_stat.h"

/* Also of one that starves: nobody was served by it for so long. */
#define THREAD_WAIT_MOST_MS 5000

struct thread_wait {
	bool over;       /* until it moves */
	bool looks;      /* it was looked at since it stands */
	uint64_t cpu_ms; /* that it had had then */
	unsigned asleep; /* looks in a row that found it so */
};

/*
 * A look at a thread that stands for `stood_ms`, at least every so often since
 * half of the time after which it is given up. `stat` is NULL where nothing
 * is known of it. Returns whether it is one of the former.
 */
MUST_CHECK bool thread_wait_look(
    struct thread_wait *w, const struct thread_stat *stat, int64_t stood_ms);

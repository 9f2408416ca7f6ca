#pragma once

/*
 * What this process uses of the host: processor time, memory, descriptors. Read
 * from files of /proc that are opened while it may still open them.
 */

#include "core/base.h"

struct metrics_process;

struct process_figures {
	int statm, fds; /* -1: not there */
	int64_t started_wall_ms;
};

/* Before the process gives up its rights. What cannot be opened is left out. */
void process_figures_open(struct process_figures *p);
void process_figures_close(struct process_figures *p);

/* From any one thread. */
void process_figures_read(
    const struct process_figures *p, struct metrics_process *ret_figures);

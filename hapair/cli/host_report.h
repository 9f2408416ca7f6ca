#pragma once

/*
 * What `check --host` has found: a line for each thing that was looked at, and
 * what the parts of it know of the host. One owner, host_check.c.
 */

#include "config/config.h"

#include <stdio.h>

enum host_report_kind {
	HOST_REPORT_OK,
	HOST_REPORT_WARNING,
	HOST_REPORT_ERROR
};

struct host_report {
	const struct config *config;
	FILE *out;
	int node;       /* CONFIG_NO_NODE: not known, or no pair */
	bool running;   /* a daemon with this configuration's control socket */
	bool peer_runs; /* its heartbeats arrive */
	unsigned errors;
};

void host_report_tell(struct host_report *m, enum host_report_kind what,
    const char *format, ...) PRINTF_LIKE(3, 4);

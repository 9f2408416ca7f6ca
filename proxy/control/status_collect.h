#pragma once

/*
 * Collects what `status` tells, as values, from those who have it: services and
 * their checks, standby decisions, and what failover has answered. Stands above
 * them all, so that none of them knows of `status`. On the relay's main thread.
 */

#include "core/base.h"

struct config;
struct msg_group;
struct msg_start;
struct services;
struct standby_run;
struct status_query_said;

/* All borrowed. */
struct status_collect {
	const struct config *config;
	const struct msg_start *start;
	const struct msg_group *groups; /* NULL: there is no pair */
	const struct standby_run *standby_run;
	struct services *services;
	int pid; /* of the supervisor */
};

/* The text of status.h, malloc'd; NULL where memory is out. */
char *status_collect_text(
    const struct status_collect *from, const struct status_query_said *said);

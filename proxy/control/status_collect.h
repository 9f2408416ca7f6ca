#pragma once

/*
 * Collects what `status` tells, as values, from those who have it: services and
 * their checks, standby decisions, and what failover has answered. Stands above
 * them all, so that none of them knows of `status`. On the relay's main thread.
 */

#include "core/base.h"

struct asker_said;
struct config;
struct marshal;
struct msg_group;
struct msg_start;
struct roster;

/* All borrowed. */
struct status_collect {
	const struct config *config;
	const struct msg_start *start;
	const struct msg_group *groups; /* NULL: there is no pair */
	const struct marshal *marshal;
	struct roster *roster;
	int pid; /* of the supervisor */
};

/* The text of status.h, malloc'd; NULL where memory is out. */
char *status_collect_text(
    const struct status_collect *from, const struct asker_said *said);

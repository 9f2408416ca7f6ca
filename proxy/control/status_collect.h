#pragma once

/*
 * Collects what `status` tells, as values, from those who have it: services and
 * their checks, standby decisions, and what failover has answered. Stands above
 * them all, so that none of them knows of `status`. On the relay's main thread;
 * the snapshot is anybody's, and goes on without them.
 */

#include "core/base.h"

struct config;
struct kernel_link;
struct msg_group;
struct msg_start;
struct services;
struct standby_run;
struct status;
struct status_query_said;
struct status_collect_snapshot;

/* All borrowed. */
struct status_collect {
	const struct config *config;
	const struct msg_start *start;
	const struct msg_group *groups;      /* NULL: there is no pair */
	const struct mono *failover_lost_at; /* 0: it is there */
	const struct standby_run *standby_run;
	struct services *services;
	const struct kernel_link *kernel;
	int pid; /* of the supervisor */
};

/* Failover has told how each group stands, or there is no pair. */
bool status_collect_knows_groups(const struct status_collect *from);

/* Copies, but for the configuration. NULL where memory is out. */
struct status_collect_snapshot *status_collect_take(
    const struct status_collect *from, const struct status_query_said *said);

/* From any thread, and as long as the snapshot lives. */
const struct status *status_collect_status(
    const struct status_collect_snapshot *s);

/* From any thread: the text of status.h, malloc'd; NULL: no memory. */
char *status_collect_text(const struct status_collect_snapshot *s);

void status_collect_free(struct status_collect_snapshot *s); /* takes NULL */

#pragma once

/*
 * Report: the document that `hapair status --json` prints (cli.md fixes its
 * keys), put together from values. The relay makes it; while no relay runs the
 * supervisor does, without the servers' states.
 *
 * What is degraded is listed in words under "problems"; "healthy" says that
 * there are none.
 */

#include "config/config.h"
#include "core/msg.h"
#include "proxy/counters.h"
#include "proxy/pool.h"

struct check;
struct marshal;

struct report_server {
	const char *state;
	struct pool_view view;
	struct counters_sum sum;
	const struct check *check; /* NULL: no relay */
};

struct report_service {
	const char *state;
	unsigned queued;
	struct counters_service_sum sums;
	const struct report_server *servers; /* config's order */
};

struct report {
	const struct config *config;
	const struct msg_start *start;
	const struct msg_group *groups;  /* config's order; NULL: none known */
	const struct msg_peer *peer;     /* NULL: failover did not answer */
	const struct msg_tracks *tracks; /* NULL: failover did not answer */
	const struct report_service *services; /* NULL: no relay */
	const struct marshal *marshal;         /* likewise */
	int pid;                               /* of the supervisor */
};

/* The text, malloc'd; NULL where memory is out. */
char *report_text(const struct report *r);

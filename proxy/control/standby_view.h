#pragma once

/*
 * How a host of a standby service looks to those who decide (standby.h), from
 * what is known of its servers: one, or in a standby group one of each service.
 *
 * Pure.
 */

#include "proxy/control/standby.h"

struct pool_view;

/* From zeros. */
struct standby_view {
	struct standby_host host;
	bool seen;     /* one of its servers, so far */
	bool conflict; /* they contradict each other in what they claim */
};

void standby_view_add(struct standby_view *v, const struct pool_view *server);

/* Once all are added. */
struct standby_host standby_view_host(const struct standby_view *v);

#pragma once

/*
 * Verdict: what a row of check results makes of a server. `fall` failures in a
 * row take it down, `rise` successes bring it up; the very first result
 * decides alone, so that a start does not wait for three rounds. A server that
 * is up and says that it drains, or no longer does, is believed at once: it
 * speaks of itself, which a lost packet cannot do for it.
 *
 * Pure: no clock, socket, allocation or log. One per server, owned by check.c.
 */

#include "proxy/server.h"

#include "core/base.h"

/* Of one check. */
enum verdict_result {
	VERDICT_FAILED,
	VERDICT_PASSED,
	VERDICT_DRAINS, /* passed, and said so */
};

struct verdict {
	enum server_state state;
	uint32_t streak;     /* results in a row that contradict the state */
	uint32_t rise, fall; /* from the configuration, never 0 */
};

/* Returns whether the state changed. */
bool verdict_step(struct verdict *v, enum verdict_result result);

/* A result is pending that may change the state: check again soon. */
bool verdict_is_wavering(const struct verdict *v);

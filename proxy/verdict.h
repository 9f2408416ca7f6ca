#pragma once

/*
 * Verdict: what a row of check results makes of a server. `fall` failures in a
 * row take it down, `rise` successes bring it up; the very first result
 * decides alone, so that a start does not wait for three rounds. A server that
 * is up and says that it drains, or no longer does, is believed at once: it
 * speaks of itself, which a lost packet cannot do for it.
 *
 * A client whose connect failed is a witness, too: it counts as a failure, but
 * once in an interval of the checks, however many there are. Else a restart of
 * some milliseconds would take a busy server down.
 *
 * Pure: no clock, socket, allocation or log. One per server, owned by check.c.
 */

#include "proxy/server.h"

#include "core/mono.h"

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
	struct mono heard;   /* clients do not count until then */
};

/* Returns whether the state changed. */
bool verdict_step(struct verdict *v, enum verdict_result result);

/*
 * A client's connect has failed. Whether it counts as a failure, for
 * verdict_step: not while nothing is known or the server is down anyway.
 */
MUST_CHECK bool verdict_hear(
    struct verdict *v, uint32_t interval_ms, struct mono now);

/* A result is pending that may change the state: check again soon. */
bool verdict_is_wavering(const struct verdict *v);

#pragma once

/*
 * Health: what a row of check results makes of a server. `fall` failures in a
 * row take it down, `rise` successes bring it up; the very first result decides
 * alone, so that a start does not wait for three rounds. A server that is up
 * and says that it drains, or no longer does, is believed at once: it speaks of
 * itself, which a lost packet cannot do for it.
 *
 * A client whose connect failed is a witness, too: it counts as a failure, but
 * once in an interval of the checks, however many there are. Else a restart of
 * some milliseconds would take a busy server down.
 *
 * A server that cannot be asked, for want of a descriptor or a port, is left as
 * it is: that says nothing of it. But one of which nothing is known yet is down
 * after `fall` times, since nobody may wait for ever for it.
 *
 * Pure: no clock, socket, allocation or log. One per server, owned by check.c.
 */

#include "proxy/pool/server.h"

#include "core/mono.h"

/* Of one check. */
enum health_result {
	HEALTH_FAILED,
	HEALTH_PASSED,
	HEALTH_DRAINS, /* passed, and said so */
};

struct health {
	enum server_state state;
	uint32_t streak;     /* results in a row that contradict the state */
	uint32_t rise, fall; /* from the configuration, never 0 */
	struct mono heard;   /* clients do not count until then */
	uint32_t unasked;    /* times in a row that it could not be asked */
};

/* Returns whether the state changed. */
bool health_step(struct health *v, enum health_result result);

/*
 * It could not be asked. Whether that is a failure now, for health_step:
 * nothing is known of it, and that was waited for long enough.
 */
MUST_CHECK bool health_lack(struct health *v);

/*
 * A client's connect has failed. Whether it counts as a failure, for
 * health_step: not while nothing is known or the server is down anyway.
 */
MUST_CHECK bool health_hear(
    struct health *v, uint32_t interval_ms, struct mono now);

/*
 * The same of a server that nobody checks: failures in a row count each, but
 * not with one that is longer ago than `gap_ms`.
 */
MUST_CHECK bool health_hear_unchecked(
    struct health *v, uint32_t gap_ms, struct mono now);

/* A result is pending that may change the state: check again soon. */
bool health_is_wavering(const struct health *v);

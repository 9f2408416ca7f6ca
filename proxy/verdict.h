#pragma once

/*
 * Verdict: what a row of check results makes of a server. `fall` failures in a
 * row take it down, `rise` successes bring it up; the very first result
 * decides alone, so that a start does not wait for three rounds.
 *
 * Pure: no clock, socket, allocation or log. One per server, owned by check.c.
 */

#include "core/base.h"

enum verdict_state {
	VERDICT_UNKNOWN, /* no check has ended yet: takes no connections */
	VERDICT_UP,
	VERDICT_DOWN,
};

struct verdict {
	enum verdict_state state;
	uint32_t streak;     /* results in a row that contradict the state */
	uint32_t rise, fall; /* from the configuration, never 0 */
};

/* Returns whether the state changed. */
bool verdict_step(struct verdict *v, bool passed);

/* A result is pending that may change the state: check again soon. */
bool verdict_is_wavering(const struct verdict *v);

/* "unknown", "up", "down". */
const char *verdict_state_name(enum verdict_state state);

#pragma once

/*
 * Which of a group's addresses the kernel refuses, as the node is told. Who
 * serves the others is patient: IPv6 is switched off and on within milliseconds
 * where a network manager activates a profile, and a handover would reset every
 * connection for that. What can be held again is told at once.
 *
 * Pure. One per group, of link_watch.c.
 */

#include "core/base.h"
#include "core/mono.h"

/* As long as the host's own address is waited for. */
#define REFUSAL_PATIENCE_MS 1000

/* How often it is tried meanwhile. */
#define REFUSAL_RETRY_MS 200

/* A bit an address. All zero: none is refused. */
struct refusal {
	uint32_t told;
	uint32_t doubted;  /* refused, and not told yet */
	struct mono until; /* then they are, where any is doubted */
};

/*
 * The kernel refuses `refused`. Who serves none of the others has nothing to
 * lose, and need not wait. Writes `told` anew.
 */
void refusal_note(
    struct refusal *r, uint32_t refused, bool serves, struct mono now);

#pragma once

/*
 * Which of a group's addresses the kernel refuses, as the node is told. Who
 * serves is patient: IPv6 is switched off and on within milliseconds where a
 * network manager activates a profile, and a handover would reset every
 * connection for that. Where none is left to be served that costs all clients,
 * and the patience is short. What can be held again is told at once.
 *
 * Pure. One per group, of link_watch.c.
 */

#include "core/base.h"
#include "core/mono.h"

/* As long as the host's own address is waited for. */
#define REFUSAL_PATIENCE_MS 1000

/* Where all are refused, and were served until then. */
#define REFUSAL_ALL_PATIENCE_MS 250

/* How many times it is tried meanwhile. */
#define REFUSAL_RETRIES 5

/* A bit an address. All zero: none is refused. */
struct refusal {
	uint32_t told;
	uint32_t doubted;  /* refused, and not told yet */
	struct mono until; /* then they are, where any is doubted */
};

/*
 * The kernel refuses `refused`. Who serves nobody has nothing to lose, and no
 * patience: 0. Writes `told` anew.
 */
void refusal_note(
    struct refusal *r, uint32_t refused, uint32_t patience_ms, struct mono now);

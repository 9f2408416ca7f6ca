#pragma once

/*
 * What must hold of two nodes with a cable of their own, by which they hear
 * each other whatever ails the group's network.
 */

#include "tests/sim/world.h"

/*
 * A dead time, told by a node that was looking meanwhile, over a cable that
 * delays; one that is only mute has to be told for a dead time more, and one
 * that is only deaf has to find that out. Then the claim, by the cable, too.
 */
#define CABLED_MOVE_MS (60 + 60 + 40 + 100 + 4 * DELAY_MAX_MS)
/* LONG_MS and LONG_AGAIN_MS in segment.c. */
#define CABLED_LONG_MS 1000
#define CABLED_SELDOM_MS 500

struct cabled {
	int64_t whole_ms;   /* when it was last otherwise than one cut off */
	unsigned who;       /* is cut off */
	int64_t settled_ms; /* when that one last had a reason to stay */
};

/* `sound`: nothing ails the node itself. */
void cabled_check(const struct sim *s, struct cabled *c, const bool sound[2]);

/* One node loses the network, in one direction or both; or the cable breaks. */
void cabled_harm(struct sim *s, unsigned i);

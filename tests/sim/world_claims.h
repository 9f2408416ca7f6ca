#pragma once

/* What must be true of each claim, at the moment that it is made. */

#include "tests/sim/world.h"

/* From now on each step of the world's nodes is looked at. */
void world_claims_watch(struct sim *s);

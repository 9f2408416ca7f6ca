#pragma once

/*
 * An election in which a rule is broken on purpose: simulation and model must
 * notice, or they prove nothing.
 *
 *	yield  a master yields to nobody, unless it has asked to be relieved
 *	doubt  what is answered to the probes of a doubt is not heard
 */

#include "failover/election.h"

/* As election_step(); `rule` NULL: nothing is broken. */
MUST_CHECK struct election broken_step(const char *rule,
    const struct election *before, const struct election_event *ev,
    struct mono now, struct election_out *ret_out);

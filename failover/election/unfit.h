#pragma once

/*
 * FAULT: this node can't serve: something forbids it, the kernel refused all
 * addresses (then the deadline is the next try), nobody is heard (then it is
 * the next time that we ask), or the daemon ends. Or it could, but something
 * ails it that ails the peer less (then the deadline is when we stop believing
 * in one).
 *
 * Pure. Of election.c alone.
 */

#include "failover/election/election.h"

/* One step in the state FAULT, as election_step(). */
void unfit_step(struct election *e, const struct election_event *ev,
    struct mono now, struct election_out *out);

#pragma once

/*
 * What a master does with what it hears: it holds the virtual IPs until it
 * can't serve, is outdone, or does not trust itself.
 *
 * Pure. Of election.c alone.
 */

#include "failover/election/election.h"

/* One step in the state MASTER, as election_step(). */
void reign_step(struct election *e, const struct election_event *ev,
    struct mono now, struct election_out *out);

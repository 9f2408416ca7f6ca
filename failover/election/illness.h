#pragma once

/*
 * Illness: what keeps a node from serving a group as it should, in one number,
 * so that of two nodes the less ill one has the group.
 *
 * Some faults forbid to serve: an interface or the host's own address that is
 * not there, a relay that does not serve, a network on which nobody is heard.
 * The others are a person's wish (`track` without a weight) or leave a part to
 * be served (an address that the kernel refuses): who has them stands back for
 * a peer that is less ill, and serves where there is none. A fault weighs more
 * than any number of addresses, but for all of them.
 *
 * Pure. Of election.c, and what it is made of.
 */

#include "failover/election/election.h"

/* It can't serve at all, or ends. */
#define ILLNESS_UNABLE UINT32_MAX

/* Ours, as long as nothing forbids us to serve. */
uint32_t illness_own(const struct election *e);

uint32_t illness_of(const struct election_heartbeat *h);

/* We are at fault, and the peer was heard lately and is less ill. */
bool illness_stands_back(const struct election *e, struct mono now);

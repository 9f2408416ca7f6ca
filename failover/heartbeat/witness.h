#pragma once

/*
 * Witnesses, in the shell: hosts that tell a node whether it is itself that is
 * cut off. Asked by ICMP echo when the peer has fallen silent, and only then;
 * an answer is an event for every election. One that nobody asked for, or that
 * another host made up, is none: it must carry what only we have sent.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * Needs CAP_NET_RAW. Opens nothing where there are none. Returns 0 or -errno.
 */
MUST_CHECK int witness_open(struct role *role);
void witness_close(struct role *role);

/* One echo request to each. */
void witness_ask(struct role *role);

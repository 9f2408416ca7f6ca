#pragma once

/*
 * Of `check --host`: whether another host than the peer answers for a virtual
 * IP, before this one takes it. Asks the network as any packet to it does.
 */

#include "hapair/cli/host_report.h"

/* After host_peer_check(), which also has the peer answer. */
void host_answers_check(struct host_report *m);

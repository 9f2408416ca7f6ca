#pragma once

/*
 * Of `check --host`: whether the peer is reached, by each link.
 */
#include "hapair/cli/host_report.h"

void host_peer_check(struct host_report *m);

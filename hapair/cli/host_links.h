#pragma once

/*
 * Of `check --host`: the interfaces of the groups, and virtual IPs that an
 * earlier run has left.
 */
#include "hapair/cli/host_report.h"

void host_links_check(struct host_report *m);

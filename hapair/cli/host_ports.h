#pragma once

/*
 * Of `check --host`: whether the services can listen where they are to, and
 * whose port it is else.
 */
#include "hapair/cli/host_report.h"

void host_ports_check(struct host_report *m);

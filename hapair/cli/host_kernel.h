#pragma once

/*
 * Whether this kernel can have the kernel path, for services with it: the
 * program is loaded to see, at no interface, and what its tables are kept in is
 * there. Nothing of it stays.
 */

#include "hapair/cli/host_report.h"

void host_kernel_check(struct host_report *m);

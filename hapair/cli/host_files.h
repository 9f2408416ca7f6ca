#pragma once

/*
 * Of `check --host`: what is read, run and written is there, and nobody else's
 * to write. `path` of the configuration; NULL: standard input.
 */
#include "hapair/cli/host_report.h"

void host_files_check(struct host_report *m, const char *path);

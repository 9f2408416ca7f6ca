#pragma once

/*
 * What a node leaves in its kernel when it ends, taken away for good: the
 * program from all interfaces, and the tables. Connections that the tables have
 * end with them, here. For when no director runs, nor will.
 */

#include "core/base.h"

struct director_removal_done {
	unsigned interfaces; /* that had the program */
	bool tables;
};

/* `pins`: where the tables are kept. Returns 0 or the first -errno. */
MUST_CHECK int director_removal_run(
    const char *pins, struct director_removal_done *ret_done);

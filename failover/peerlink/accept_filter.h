#pragma once

/*
 * Makes a listening TCP socket deaf to all but one address. Others get no
 * answer and cost no memory, neither of ours nor of the backlog's, so they
 * cannot keep the one out by their number.
 */

#include "core/base.h"

union addr;

/* Before listen(). Returns 0 or -errno. */
MUST_CHECK int accept_filter_admit_only(int fd, const union addr *who);

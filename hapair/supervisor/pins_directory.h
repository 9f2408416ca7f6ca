#pragma once

/*
 * Where the kernel's tables are kept while no director is there: a directory in
 * a BPF file system, which nobody but root can reach. It is the director's, so
 * that it can put them there without rights on files.
 */

#include "core/base.h"
#include "core/proc.h"

/*
 * Makes it where it is not there, and gives it, with what is in it, to this
 * user. Returns 0 or -errno: -ENOENT where there is nothing above it, -ENOTSUP
 * where that is no BPF file system.
 */
MUST_CHECK int pins_directory_make(
    const char *path, const struct proc_user *user);

/*
 * That it is this daemon's alone, as long as the descriptor is open: two would
 * take each other's tables. Returns that, or -errno: -EBUSY where it is
 * another's.
 */
MUST_CHECK int pins_directory_lock(const char *path);

/* Something is kept there. */
bool pins_directory_is_used(const char *path);

/* "is in no BPF file system", of -errno of the first. */
const char *pins_directory_fault(int error);

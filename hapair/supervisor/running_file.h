#pragma once

/*
 * What this daemon runs, kept beside its control socket for whoever comes after
 * a kill -9: `hapair release` must remove the addresses though somebody is just
 * editing the file. For root alone (0600), as there may be passwords in it; it
 * goes when the daemon ends in good order.
 */

#include "core/base.h"

#define RUNNING_FILE_MAX 116 /* of its path: a socket's, and the rest */

/* "SOCKET.running"; returns `buf`. */
const char *running_file_path(
    const char *control, char buf[static RUNNING_FILE_MAX]);

/* From a descriptor of the text, which stays as it is. */
void running_file_keep(const char *control, int text);
void running_file_remove(const char *control);

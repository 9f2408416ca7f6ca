#pragma once

/*
 * How often each role has ended since the daemon was started, why and when the
 * last time: for `status`. What ended on purpose does not count.
 *
 * Pure: status and time are arguments.
 */

#include "core/msg.h"

/*
 * `said`: what is known of it better than by its status, or "". `status` is
 * that of waitpid().
 */
void role_ends_note(
    struct msg_ends *e, const char *said, int status, int64_t wall_ms);

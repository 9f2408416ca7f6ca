#pragma once

/*
 * Waits until a server has no connection on this node any more, by asking the
 * daemon once a second, or less often where it has thousands.
 */

#include "hapair/cli/client.h"

#define DRAIN_WAIT_FOR_EVER UINT64_MAX

/*
 * `server` is SERVICE/NAME. Returns COMMAND_DONE when it is empty;
 * COMMAND_FAILED when the time is over, with how many are left; or what the
 * daemon's silence is.
 */
MUST_CHECK int drain_wait(
    const struct client *c, const char *server, uint64_t most_ms);

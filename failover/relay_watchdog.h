#pragma once

/*
 * The watchdog of the relay, in the shell: a healthy heartbeat in front of a
 * relay that stands still would be a black hole. Every thread of the relay
 * counts in its pulse, and here its counts are looked at; one that stands is a
 * fault of all groups. Along the way this process shows that it turns itself,
 * for the supervisor to look at.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;

/* A timer, from the first moment: also before the groups begin. 0 or -errno. */
MUST_CHECK int relay_watchdog_start(struct role *role);
void relay_watchdog_stop(struct role *role);

/* A pulse, ours or the relay's. Returns 0 or -errno. */
MUST_CHECK int relay_watchdog_take(
    struct role *role, const struct channel_packet *p);

/* What the kernel says of a thread of the relay. Returns 0 or -errno. */
MUST_CHECK int relay_watchdog_take_thread(
    struct role *role, struct channel_packet *p);

/* A relay serves (again): what was known of the one before is void. */
void relay_watchdog_reset(struct role *role);

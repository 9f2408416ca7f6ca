#pragma once

/* One shot of a libev timer, some seconds from now or at a moment. */

#include "core/mono.h"

#include <ev.h>

/*
 * Anew: what it waited for before is forgotten. Counted from this moment, not
 * from when the loop last looked, which may be a batch of events ago.
 */
void timeout_arm(struct ev_loop *loop, ev_timer *timer, double seconds);

/* At a moment of our own clock; never() stops it. */
void timeout_arm_at(struct ev_loop *loop, ev_timer *timer, struct mono at);

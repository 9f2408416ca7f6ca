#pragma once

/* One shot of a libev timer, some seconds from now. */

#include <ev.h>

/*
 * Anew: what it waited for before is forgotten. Counted from this moment, not
 * from when the loop last looked, which may be a batch of events ago.
 */
void timeout_arm(struct ev_loop *loop, ev_timer *timer, double seconds);

#pragma once

/* One shot of a timer at a moment of our own clock. */

#include "core/base.h"
#include "core/mono.h"

#include <ev.h>

/* Anew: what it waited for before is forgotten. never() stops it. */
void timer_arm(struct ev_loop *loop, ev_timer *timer, struct mono at);

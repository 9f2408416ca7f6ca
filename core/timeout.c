#include "core/timeout.h"

void
timeout_arm(struct ev_loop *loop, ev_timer *timer, double seconds)
{
	ev_timer_stop(loop, timer);
	ev_now_update(loop);
	ev_timer_set(timer, seconds > 0. ? seconds : 0., 0.);
	ev_timer_start(loop, timer);
}

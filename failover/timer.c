#include "failover/timer.h"

void
timer_arm(struct ev_loop *loop, ev_timer *timer, struct mono at)
{
	double after_s;

	ev_timer_stop(loop, timer);
	if (mono_is_never(at))
		return;
	after_s = (double)mono_span_us(mono_now(), at) / 1e6;
	ev_timer_set(timer, after_s > 0. ? after_s : 0., 0.);
	ev_timer_start(loop, timer);
}

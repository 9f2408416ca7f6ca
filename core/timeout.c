#include "core/timeout.h"

void
timeout_arm(struct ev_loop *loop, ev_timer *timer, double seconds)
{
	ev_timer_stop(loop, timer);
	ev_now_update(loop);
	ev_timer_set(timer, seconds > 0. ? seconds : 0., 0.);
	ev_timer_start(loop, timer);
}

void
timeout_arm_at(struct ev_loop *loop, ev_timer *timer, struct mono at)
{
	const int64_t after_us = mono_span_us(mono_now(), at);

	if (mono_is_never(at))
		ev_timer_stop(loop, timer);
	else
		timeout_arm(loop, timer, (double)after_us / 1e6);
}

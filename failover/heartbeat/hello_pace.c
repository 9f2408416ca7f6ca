#include "failover/heartbeat/hello_pace.h"

#define MS_NS INT64_C(1000000)

/* A flood finds the loop awake nearly always, an honest peer hardly ever. */
#define WAITED_NS (HELLO_PACE_REST_MS * MS_NS / 2)

struct hello_pace
hello_pace_init(void)
{
	return (struct hello_pace){ .waits = mono_never() };
}

void
hello_pace_wait(struct hello_pace *p, struct mono now)
{
	p->waits = now;
}

void
hello_pace_go_on(struct hello_pace *p, struct mono now)
{
	if (!mono_is_never(p->waits))
		p->waited_ns += now.ns - p->waits.ns;
	p->waits = mono_never();
}

bool
hello_pace_take(struct hello_pace *p, struct mono now)
{
	if (mono_span_ms(p->counted, now) >= HELLO_PACE_REST_MS &&
	    p->waited_ns >= WAITED_NS)
		hello_pace_rested(p, now);
	return ++p->n >= HELLO_PACE_MAX;
}

void
hello_pace_rested(struct hello_pace *p, struct mono now)
{
	p->n = 0;
	p->counted = now;
	p->waited_ns = 0;
}

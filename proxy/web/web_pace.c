#include "proxy/web/web_pace.h"

/* One part in so many of a processor. */
#define SHARE 10

/* A page of thousands of servers takes a tenth of a second, once. */
#define BURST_NS 500000000

/* It looks for letters of the main thread at least that often. */
#define REST_MAX_MS 100

/* Some 250 turns a second. */
#define GAP_MS 4
#define NS_PER_MS 1000000

unsigned
web_pace_rest_ms(struct web_pace *p, int64_t cpu_ns, struct mono now)
{
	const int64_t gained_ns = (now.ns - p->at.ns) / SHARE;
	int64_t rest_ms;

	if (p->at.ns == 0 || gained_ns > BURST_NS - p->left_ns)
		p->left_ns = BURST_NS;
	else
		p->left_ns += gained_ns;
	if (p->at.ns != 0)
		p->left_ns -= cpu_ns - p->cpu_ns;
	p->at = now;
	p->cpu_ns = cpu_ns;
	if (p->left_ns >= 0)
		return 0;
	rest_ms = -p->left_ns * SHARE / 1000000 + 1;
	return rest_ms < REST_MAX_MS ? (unsigned)rest_ms : REST_MAX_MS;
}

unsigned
web_pace_gap_ms(const struct web_pace *p, struct mono now)
{
	const struct mono next = mono_add_ms(p->turned, GAP_MS);

	if (p->turned.ns == 0 || !mono_before(now, next))
		return 0;
	return (unsigned)((next.ns - now.ns + NS_PER_MS - 1) / NS_PER_MS);
}

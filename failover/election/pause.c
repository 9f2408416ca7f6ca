#include "failover/election/pause.h"

/*
 * Two words of one epoch were said at the same time: the longer pause holds. By
 * less they differ for a hello's way alone, and neither must grow by that.
 */
#define ALIKE_MS 1000

struct pause
pause_none(void)
{
	return (struct pause){ .until = mono_never() };
}

uint32_t
pause_left_ms(const struct pause *p, struct mono now)
{
	int64_t ms;

	if (mono_is_never(p->until))
		return 0;
	ms = mono_span_ms(now, p->until);
	if (ms < 0)
		return 0;
	return ms < PAUSE_MOST_MS ? (uint32_t)ms : PAUSE_MOST_MS;
}

/* In a ring, as terms are: no epoch is the last. Zero is before all. */
static bool
is_later(uint32_t a, uint32_t b)
{
	const uint32_t half = UINT32_C(1) << 31, ahead = a - b;

	if (a == 0 || b == 0)
		return a > b;
	return ahead != 0 && (ahead < half || (ahead == half && a > b));
}

static void
take(struct pause *p, uint32_t epoch, bool own, uint32_t ms, struct mono now)
{
	*p = (struct pause){ .epoch = epoch,
		.own = own,
		.until = ms > 0 ? mono_add_ms(now, ms) : mono_never() };
}

void
pause_set(struct pause *p, uint32_t ms, struct mono now)
{
	take(p, p->epoch < UINT32_MAX ? p->epoch + 1 : 1, true, ms, now);
}

bool
pause_hear(struct pause *p, const struct pause *other, uint32_t left_ms,
    struct mono now)
{
	const uint32_t ms = left_ms < PAUSE_MOST_MS ? left_ms : PAUSE_MOST_MS;

	if (other->epoch == p->epoch
	        ? (int64_t)ms - pause_left_ms(p, now) < ALIKE_MS
	        : !is_later(other->epoch, p->epoch))
		return false;
	take(p, other->epoch, other->own, ms, now);
	return true;
}

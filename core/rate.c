#include "core/rate.h"

bool
rate_allows(struct rate *r, uint32_t burst, uint32_t each_ms, struct mono now)
{
	const struct mono from = mono_before(r->full, now) ? now : r->full;

	if (mono_span_ms(now, from) > ((int64_t)burst - 1) * each_ms)
		return false;
	r->full = mono_add_ms(from, each_ms);
	return true;
}

#include "failover/vip/refusal.h"

void
refusal_note(
    struct refusal *r, uint32_t refused, uint32_t patience_ms, struct mono now)
{
	const struct mono until = mono_add_ms(now, patience_ms);

	if (patience_ms == 0) {
		*r = (struct refusal){ .told = refused };
		return;
	}
	r->told &= refused;
	r->doubted &= refused;
	if (r->doubted != 0 && mono_before(until, r->until))
		r->until = until; /* there is less patience now */
	if (r->doubted != 0 && !mono_before(now, r->until)) {
		r->told |= r->doubted;
		r->doubted = 0;
	}
	/* One that joins others in doubt waits for its own turn. */
	if (r->doubted == 0 && (refused & ~r->told) != 0) {
		r->doubted = refused & ~r->told;
		r->until = until;
	}
}

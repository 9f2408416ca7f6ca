#include "failover/election/illness.h"

/* Who can hold none serves nothing, and would hand it back at once. */
#define ALL_LACK 32
#define HOLDS_NONE (ILLNESS_UNABLE - 1)

static uint32_t
illness(uint8_t faults, uint8_t lacks)
{
	return lacks == ALL_LACK ? HOLDS_NONE : (uint32_t)faults << 8 | lacks;
}

uint32_t
illness_own(const struct election *e)
{
	return illness(e->faults, e->lacks);
}

uint32_t
illness_of(const struct election_heartbeat *h)
{
	if (h->resigning || (h->state == ELECTION_FAULT && h->faults == 0))
		return ILLNESS_UNABLE;
	return illness(h->faults, h->lacks);
}

bool
illness_stands_back(const struct election *e, struct mono now)
{
	return e->faults > 0 && e->heard_illness < illness_own(e) &&
	    !mono_is_never(e->heard) &&
	    mono_before(now, mono_add_ms(e->heard, e->heard_dead_ms));
}

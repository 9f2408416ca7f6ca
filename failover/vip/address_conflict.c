#include "failover/vip/address_conflict.h"

#include <string.h>

/* One that was not seen for so long has begun anew. */
#define OVER_MS 300000

struct address_conflict
address_conflict_none(void)
{
	return (struct address_conflict){ .first = mono_never(),
		.last = mono_never() };
}

void
address_conflict_see(struct address_conflict *c, unsigned address,
    const uint8_t mac[static MSG_MAC_BYTES])
{
	memcpy(c->shown_mac, mac, MSG_MAC_BYTES);
	c->shown_address = (uint8_t)address;
}

static bool
goes_on(const struct address_conflict *c, bool peer, struct mono now)
{
	return !mono_is_never(c->last) && c->peer == peer &&
	    memcmp(c->mac, c->shown_mac, MSG_MAC_BYTES) == 0 &&
	    mono_before(now, mono_add_ms(c->last, OVER_MS));
}

void
address_conflict_note(struct address_conflict *c, bool peer, struct mono now)
{
	if (!goes_on(c, peer, now))
		c->first = now;
	c->last = now;
	c->peer = peer;
	c->address = c->shown_address;
	memcpy(c->mac, c->shown_mac, MSG_MAC_BYTES);
}

struct msg_conflict
address_conflict_message(const struct address_conflict *c, struct mono now)
{
	struct msg_conflict m = { .there = false };

	if (mono_is_never(c->last) ||
	    !mono_before(now, mono_add_ms(c->last, OVER_MS)))
		return m;
	m.there = true;
	m.peer = c->peer;
	m.address = c->address;
	memcpy(m.mac, c->mac, MSG_MAC_BYTES);
	m.first_ms = (uint64_t)mono_span_ms(c->first, now);
	m.last_ms = (uint64_t)mono_span_ms(c->last, now);
	return m;
}

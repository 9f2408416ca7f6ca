#include "failover/election/dispute.h"

/*
 * A peer that we understand speaks within its dead time, and then it is settled
 * with that; who hears a single frame, which may have been late, does not let
 * go.
 */
#define LEAST_MS 60
#define MOST_MS 1000

/*
 * What is announced is announced anew after 20, 100 and 500 ms, and 1.1 s. So
 * long the loser of a dispute has to hear one of them, and to let go; and then
 * the winner, to hear that it did not.
 */
#define ROUNDS_MS 800

static uint32_t
patience_ms(uint32_t dead_ms)
{
	if (dead_ms < LEAST_MS)
		return LEAST_MS;
	return dead_ms < MOST_MS ? dead_ms : MOST_MS;
}

struct dispute
dispute_none(void)
{
	return (struct dispute){ .until = mono_never(), .since = mono_never() };
}

struct dispute
dispute_begin(bool answered, uint32_t dead_ms, struct mono now)
{
	struct dispute d = dispute_none();

	d.until = mono_add_ms(
	    now, patience_ms(dead_ms) + (answered ? 1 : 2) * ROUNDS_MS);
	return d;
}

bool
dispute_lose(
    struct dispute *d, uint32_t dead_ms, bool wins_ties, struct mono now)
{
	const uint32_t once_ms = patience_ms(dead_ms);

	if (mono_is_never(d->until) || !mono_before(now, d->until))
		return false;
	if (mono_is_never(d->since))
		d->since = now;
	return !mono_before(
	    now, mono_add_ms(d->since, once_ms + (wins_ties ? ROUNDS_MS : 0)));
}

uint32_t
dispute_wait_ms(uint32_t dead_ms, bool wins_ties)
{
	return (wins_ties ? 1 : 3) * patience_ms(dead_ms);
}

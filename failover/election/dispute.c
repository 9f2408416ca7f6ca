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

/*
 * ... then after 2 s and 5 s. Who was seen in the first moment is waited for
 * until the next of them: a young master does not begin its rounds anew.
 */
#define GAP_MS 3100

/*
 * What is shown while we ask may be an announcement by chance. One round of
 * them takes 10 ms for each frame of a group, 640 ms at most.
 */
#define ANSWERS_MS 1000

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
	return (struct dispute){ .until = mono_never(),
		.since = mono_never(),
		.shown = mono_never() };
}

struct dispute
dispute_begin(bool answered, uint32_t dead_ms, struct mono now)
{
	struct dispute d = dispute_none();

	d.answered = answered;
	d.until = mono_add_ms(
	    now, patience_ms(dead_ms) + (answered ? 1 : 2) * ROUNDS_MS);
	return d;
}

void
dispute_close(struct dispute *d)
{
	d->until = d->since = mono_never();
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
	/* Of switches that answer all the time we don't wait for the next. */
	if (!d->answered)
		d->until = mono_add_ms(now, GAP_MS);
	return !mono_before(
	    now, mono_add_ms(d->since, once_ms + (wins_ties ? ROUNDS_MS : 0)));
}

uint32_t
dispute_wait_ms(uint32_t dead_ms, bool wins_ties)
{
	return (wins_ties ? 1 : 3) * patience_ms(dead_ms);
}

void
dispute_begin_away(struct dispute *d, struct mono now)
{
	*d = dispute_none();
	d->shown = now;
}

void
dispute_note(struct dispute *d, struct mono now)
{
	if (!mono_is_never(d->shown))
		d->shown = now;
}

bool
dispute_is_away(const struct dispute *d, struct mono now)
{
	return !mono_is_never(d->shown) &&
	    mono_before(now, mono_add_ms(d->shown, DISPUTE_AWAY_MS));
}

void
dispute_trust(struct dispute *d, int64_t answered_ms)
{
	if (answered_ms >= ANSWERS_MS)
		d->shown = mono_never();
}

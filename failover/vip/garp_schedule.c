#include "failover/vip/garp_schedule.h"

#include "failover/election/dispute.h"

static const uint32_t rounds_ms[] = { 0, 20, 100, 500, 1100, 2000, 5000 };

/* Neighbours that lost the first shots, or moved to another port, since. */
#define REFRESH_MS 60000
_Static_assert(
    DISPUTE_AWAY_MS > REFRESH_MS, "who has let go waits for the next one");

/*
 * A schedule younger than this still has its shots at 1.1, 2 and 5 s to come;
 * beginning anew at every sign of doubt would make a storm of a bad network.
 */
#define YOUNG_MS 1000

struct garp_schedule
garp_schedule_idle(void)
{
	return (struct garp_schedule){ .begun = mono_never() };
}

struct garp_schedule_lane
garp_schedule_lane_init(void)
{
	return (struct garp_schedule_lane){ .free = { 0 } };
}

void
garp_schedule_start(struct garp_schedule *s, unsigned n_frames,
    unsigned n_urgent, struct mono now)
{
	if (!mono_is_never(s->begun) && s->n_frames == n_frames &&
	    mono_before(now, mono_add_ms(s->begun, YOUNG_MS)))
		return;
	*s = (struct garp_schedule){ .begun = n_frames > 0 ? now : mono_never(),
		.n_frames = n_frames,
		.n_urgent = n_urgent };
}

void
garp_schedule_stop(struct garp_schedule *s)
{
	*s = garp_schedule_idle();
}

static struct mono
round_begin(const struct garp_schedule *s, unsigned round)
{
	const unsigned last = ARRAY_LEN(rounds_ms) - 1;

	if (round <= last)
		return mono_add_ms(s->begun, rounds_ms[round]);
	return mono_add_ms(
	    s->begun, rounds_ms[last] + (int64_t)(round - last) * REFRESH_MS);
}

struct mono
garp_schedule_wake(
    const struct garp_schedule *s, const struct garp_schedule_lane *lane)
{
	struct mono at;

	if (mono_is_never(s->begun))
		return mono_never();
	at = round_begin(s, s->round);
	if (s->round == 0 && s->frame < s->n_urgent)
		return at;
	return mono_before(at, lane->free) ? lane->free : at;
}

bool
garp_schedule_next(struct garp_schedule *s, struct garp_schedule_lane *lane,
    struct mono now, unsigned *ret_frame)
{
	if (mono_before(now, garp_schedule_wake(s, lane)))
		return false;
	*ret_frame = s->frame++;
	lane->free = mono_add_ms(now, GARP_SCHEDULE_GAP_MS);
	if (s->frame < s->n_frames)
		return true;
	s->frame = 0;
	/*
	 * Many addresses make a round longer than the pause before the next:
	 * rounds that are overdue by now are one.
	 */
	do
		s->round++;
	while (!mono_before(now, round_begin(s, s->round + 1)));
	return true;
}

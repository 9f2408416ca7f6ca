#include "failover/election/segment.h"

/*
 * How long a kernel on the same network takes to answer, many times over; and
 * so many rounds, in case an answer is lost: as suspect.c has it.
 */
#define ROUND_MS 4
#define ROUNDS 2

/* Not acted upon yet, or nobody has answered; and for long. */
#define AGAIN_MS 20
#define LONG_MS 1000
#define LONG_AGAIN_MS 500

struct segment
segment_init(unsigned path)
{
	return (struct segment){
		.path = path, .due = mono_never(), .heard = mono_never()
	};
}

bool
segment_open(struct segment *s, struct mono now)
{
	if (s->open)
		return false;
	*s = segment_init(s->path);
	s->open = true;
	s->since = s->due = now;
	return true;
}

void
segment_close(struct segment *s)
{
	*s = segment_init(s->path);
}

/*
 * What the answers to the last question mean. Others must have answered the
 * very question that was not answered for the peer: else it went into a cut.
 */
static void
judge(struct segment *s)
{
	const bool alone = s->others && !s->shown;
	const bool nobody = !s->others && !s->shown;

	s->silent = nobody ? s->silent + 1 : 0;
	if (alone)
		s->unmet++;
	else if (s->unmet < ROUNDS || s->shown || s->silent >= ROUNDS)
		s->unmet = 0; /* else one answer came late, or none did */
	s->asked = false;
}

/*
 * We come late ourselves, and what was answered meanwhile may wait to be read.
 * Once for each question, so that who always comes late judges as well.
 */
static bool
may_be_unread(struct segment *s, struct mono now)
{
	if (s->shown || s->waited || mono_span_ms(s->due, now) < ROUND_MS)
		return false;
	s->waited = true;
	s->due = mono_add_ms(now, ROUND_MS);
	return true;
}

/* Something is still to be found out by asking again at once. */
static bool
is_undecided(const struct segment *s)
{
	return (s->unmet > 0 && s->unmet < ROUNDS) ||
	    (s->silent > 0 && s->silent < ROUNDS);
}

bool
segment_tick(struct segment *s, struct mono now)
{
	if (!s->open || mono_before(now, s->due))
		return false;
	if (s->asked) {
		if (may_be_unread(s, now))
			return false;
		judge(s);
		s->due = mono_add_ms(now,
		    mono_span_ms(s->since, now) < LONG_MS ? AGAIN_MS
		                                          : LONG_AGAIN_MS);
		if (!is_undecided(s))
			return false;
	}
	s->asked = true;
	s->waited = false;
	s->shown = s->others = false;
	s->due = mono_add_ms(now, ROUND_MS);
	return true;
}

void
segment_note(struct segment *s, bool shown, struct mono now)
{
	if (!s->open)
		return;
	s->heard = now;
	s->silent = 0;
	if (shown) {
		s->shown = true;
		s->unmet = 0;
	} else {
		s->others = true;
	}
}

bool
segment_misses_peer(const struct segment *s)
{
	return s->unmet >= ROUNDS;
}

bool
segment_is_sound(const struct segment *s)
{
	return !s->open || (!mono_is_never(s->heard) && s->silent < ROUNDS);
}

bool
segment_is_deaf(const struct segment *s, uint32_t for_ms, struct mono now)
{
	const struct mono last = mono_is_never(s->heard) ? s->since : s->heard;

	return s->open && s->silent >= ROUNDS &&
	    mono_span_ms(last, now) >= for_ms;
}

#include "failover/election/rank.h"

#include "failover/election/illness.h"
#include "failover/election/transition.h"

/*
 * A contest whose loser can't hear us is not won by waiting; nor one in which
 * each finds that it has served just long enough. An echo counts for a dead
 * time: after two the peer has heard us in this contest, and goes on.
 */
#define ALIKE_DEAD_TIMES 2
#define DEAF_DEAD_TIMES 2
/* ... once it would have told that it hears nobody, if it does not. */
#define DEAF_MS (TRANSITION_ASK_MS + SUSPECT_DEAF_MS)

/*
 * Reigns that differ by less are of one age: clocks of two loops, and hellos on
 * their way. A cut that both notice ends for both within it.
 */
#define SERVED_ALIKE_MS 200

/* An offer that came to nothing is not made again at once. */
#define OFFER_AGAIN_MS 1000

static bool
is_better(const struct election *e, const struct election_heartbeat *h)
{
	if (illness_of(h) != illness_own(e))
		return illness_of(h) < illness_own(e);
	return h->priority > e->priority;
}

bool
rank_is_outranked(const struct election *e, const struct election_heartbeat *h)
{
	if (illness_of(h) != illness_own(e) || h->priority != e->priority)
		return is_better(e, h);
	return !e->config.wins_ties;
}

/* Both by our clock: theirs is older by the time that it was on its way. */
static bool
has_served_longer(int64_t one_ms, int64_t other_ms)
{
	return one_ms - other_ms > SERVED_ALIKE_MS;
}

/* The later claim stays, then preference. */
static enum election_reason
outranked(const struct election *e, const struct election_heartbeat *h)
{
	if (h->term != e->term)
		return election_term_is_later(h->term, e->term)
		    ? ELECTION_OUTRANKED_TERM
		    : ELECTION_UNCHANGED;
	return rank_is_outranked(e, h) ? ELECTION_OUTRANKED_RANK
	                               : ELECTION_UNCHANGED;
}

/*
 * ELECTION_UNCHANGED, or why we yield. Both of us find the same, or neither
 * yields: then, after a while, served times count no longer.
 */
static enum election_reason
beaten(const struct election *e, const struct election_heartbeat *h,
    int64_t contested_ms, struct mono now)
{
	const int64_t dead_ms = h->dead_ms; /* the longer one of both */
	const uint32_t served_ms = election_served_ms(e, now);

	if (h->deaf)
		return ELECTION_UNCHANGED; /* it can't know that we serve */
	/* Each knows what ails the other. */
	if (h->hears_us && illness_of(h) != illness_own(e))
		return illness_of(h) < illness_own(e) ? ELECTION_OUTRANKED_WELL
		                                      : ELECTION_UNCHANGED;
	/* The road is open one way only: who can hear must yield. */
	if (!h->hears_us && contested_ms >= DEAF_DEAD_TIMES * dead_ms + DEAF_MS)
		return ELECTION_PEER_DEAF;
	if (!h->hears_us || contested_ms < ALIKE_DEAD_TIMES * dead_ms) {
		/* Who was stopped says what was, once: not before it hears us.
		 */
		if (has_served_longer(h->served_ms, served_ms))
			return h->hears_us ||
			        !election_term_is_later(e->term, h->term)
			    ? ELECTION_OUTSERVED
			    : ELECTION_UNCHANGED;
		if (has_served_longer(served_ms, h->served_ms))
			return ELECTION_UNCHANGED;
	}
	return outranked(e, h);
}

/*
 * For how long the peer has claimed what we have, and known as much as now:
 * that it hears us, or does not.
 */
static int64_t
contested_ms(
    struct election *e, const struct election_heartbeat *h, struct mono now)
{
	if (mono_is_never(e->contested))
		return 0;
	if (h->deaf || h->hears_us != e->contest_heard)
		e->contested = now;
	e->contest_heard = h->hears_us;
	return mono_span_ms(e->contested, now);
}

void
rank_contest(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	enum election_reason reason;

	/* It has asked us to take it, and does not know yet that we have. */
	if (h->hands_over && election_term_is_later(e->term, h->term))
		return;
	reason = beaten(e, h, contested_ms(e, h, now), now);
	if (e->handing && election_term_is_later(h->term, e->term))
		reason = ELECTION_GAVE_OVER;
	if (reason != ELECTION_UNCHANGED) {
		transition_follow(e, h, now, reason, out);
	} else if (mono_is_never(e->contested)) {
		e->contested = now;
		e->contest_heard = h->hears_us;
		out->reason = ELECTION_CONTESTED;
		transition_ask(out, ELECTION_SEND_HELLO);
		transition_ask(out, ELECTION_ANNOUNCE);
	}
}

bool
rank_claim(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	if (h->resigning)
		transition_claim(e, now, ELECTION_PEER_RESIGNED, out);
	else if (!rank_is_outranked(e, h))
		transition_claim(e, now,
		    h->state == ELECTION_FAULT ? ELECTION_PEER_FAULT
		                               : ELECTION_PREFERRED,
		    out);
	else
		return false;
	return true;
}

void
rank_give(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	const bool iller = illness_of(h) < illness_own(e);
	const bool ill = iller || e->priority < e->config.priority;
	const uint32_t delay_ms = ill ? 0 : e->config.preempt_delay_ms;

	if (h->state != ELECTION_BACKUP || !is_better(e, h) ||
	    !(ill || e->config.preempt)) {
		e->better = mono_never();
		return;
	}
	if (mono_is_never(e->better))
		e->better = now;
	if (e->handing || mono_before(now, mono_add_ms(e->better, delay_ms)))
		return;
	transition_ask(out, ELECTION_HAND_OVER);
	e->better = mono_add_ms(now, OFFER_AGAIN_MS); /* not again at once */
}

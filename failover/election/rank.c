#include "failover/election/rank.h"

#include "failover/election/transition.h"

/* A contest whose loser can't hear us is not won by waiting. */
#define CONTEST_DEAD_TIMES 2

/* An offer that came to nothing is not made again at once. */
#define OFFER_AGAIN_MS 1000

bool
rank_is_outranked(const struct election *e, const struct election_heartbeat *h)
{
	if (h->priority != e->priority)
		return h->priority > e->priority;
	return !e->config.wins_ties;
}

void
rank_contest(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	const int64_t patience_ms = CONTEST_DEAD_TIMES * e->config.dead_ms;

	/* It has asked us to take it, and does not know yet that we have. */
	if (h->hands_over && h->term < e->term)
		return;
	if (h->term > e->term) {
		transition_follow(e, h, now,
		    e->handing ? ELECTION_GAVE_OVER : ELECTION_OUTRANKED_TERM,
		    out);
	} else if (h->term == e->term && rank_is_outranked(e, h)) {
		transition_follow(e, h, now, ELECTION_OUTRANKED_RANK, out);
	} else if (mono_is_never(e->contested)) {
		e->contested = now;
		out->reason = ELECTION_CONTESTED;
		transition_ask(out, ELECTION_SEND_HELLO);
		transition_ask(out, ELECTION_ANNOUNCE);
	} else if (h->hears_us) {
		e->contested = now; /* it is about to drop */
	} else if (!mono_before(now, mono_add_ms(e->contested, patience_ms))) {
		/* The road is open one way only: who can hear must yield. */
		transition_follow(e, h, now, ELECTION_PEER_DEAF, out);
	}
}

void
rank_give(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	const bool ill = e->priority < e->config.priority;
	const uint32_t delay_ms = ill ? 0 : e->config.preempt_delay_ms;

	if (h->state != ELECTION_BACKUP || h->priority <= e->priority ||
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

#include "failover/election/reign.h"

#include "failover/election/rank.h"
#include "failover/election/transition.h"

/*
 * How long a node that was refused an address leaves the group to its peer.
 * With a healthy peer the length does not matter; without one, each retry is a
 * chance, and one a second disturbs nobody.
 */
#define RETRY_MS 1000

/* Nobody has answered yet; and for long. */
#define ASK_MS 20
#define DEAF_ASK_MS 100

/* A peer that stays away is not asked after five times a second for days. */
#define NEW_MS 10000
#define OLD_ASK_MS 500

/* DEFEND_INTERVAL of RFC 5227 is 10 s: two that defend more often never end. */
#define DEFEND_MS 10000

/*
 * A master that woke after dead_ms holds on for so much longer: its peer cannot
 * have claimed, for it asks first. Half of that time is left for a hello that
 * was lost before the stall, from which the peer counts.
 */
#define STALL_SPARE_MS (SUSPECT_LEAST_MS / 2)

static uint32_t
ask_ms(const struct election *e, struct mono now)
{
	return election_served_ms(e, now) < NEW_MS ? TRANSITION_ASK_MS
	                                           : OLD_ASK_MS;
}

static void
hear_somebody(struct election *e, struct mono now)
{
	if (e->deaf)
		e->serving = now;
	e->deaf = false;
	e->asked = mono_never();
}

/* Whatever it says of the addresses: somebody is heard. */
static void
take_answer(struct election *e, struct mono now)
{
	if (!mono_is_never(e->asked))
		e->deadline = mono_add_ms(now, ask_ms(e, now));
	hear_somebody(e, now);
}

/* Before this heartbeat there was none for so long that the peer may claim. */
static bool
was_cut_off(const struct election *e, const struct election_heartbeat *h,
    struct mono now)
{
	return mono_is_never(e->heard) ||
	    !mono_before(now, mono_add_ms(e->heard, h->dead_ms));
}

static void
master_hears(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	const bool cut_off = was_cut_off(e, h, now);
	/* For a moment, and we did not hear it. */
	const bool claimed = election_term_is_later(h->term, e->term) &&
	    election_term_is_later(h->term, e->heard_term);

	if (h->here)
		hear_somebody(e, now);
	transition_note(e, h, now);
	e->asked = mono_never(); /* begins anew with its next silence */
	transition_believe(e, mono_add_ms(now, h->dead_ms));
	if (h->state == ELECTION_MASTER) {
		if (cut_off && !mono_is_never(e->contested))
			e->contested = now; /* it could not hear us yield */
		rank_contest(e, h, now, out);
		return;
	}
	if (!mono_is_never(e->contested)) {
		e->contested = mono_never();
		out->reason = ELECTION_UNCONTESTED;
		transition_ask(out, ELECTION_ANNOUNCE);
	} else if (cut_off || claimed) {
		transition_ask(out, ELECTION_ANNOUNCE);
	}
	rank_give(e, h, now, out);
}

/*
 * The peer is silent: is it us who are cut off? Any frame for us will do. Who
 * hears none for a while is deaf, and its reign has a break; where others hear
 * when we do not, they shall serve.
 */
static void
look_around(struct election *e, struct mono now, struct election_out *out)
{
	int64_t silent_ms;

	if (mono_is_never(e->asked))
		e->asked = now;
	silent_ms = mono_span_ms(e->asked, now);
	if (e->config.doubt.askable && !e->resigned && !e->paused &&
	    silent_ms >= e->config.doubt.deaf_ms) {
		transition_isolate(e, now, out);
		return;
	}
	if (silent_ms >= SUSPECT_DEAF_MS)
		e->deaf = true;
	transition_ask(out, ELECTION_PROBE);
	e->deadline = mono_add_ms(now, e->deaf ? DEAF_ASK_MS : ASK_MS);
}

/*
 * We stood still so long that the peer may have claimed meanwhile. Not one that
 * had been silent before: either it is gone, and nobody but us serves, or it is
 * cut off from us, and claims whatever we do. Nor does it hear the difference
 * for as long as our kernel goes on to answer, hang_timeout at most.
 */
static bool
stood_too_long(const struct election *e, uint32_t stalled_ms, struct mono now)
{
	const int64_t feared_ms = (int64_t)e->heard_dead_ms + stalled_ms;

	if (stalled_ms < e->config.dead_ms + STALL_SPARE_MS)
		return false;
	if (stalled_ms >= e->config.doubt.hang_ms)
		return true;
	return !mono_is_never(e->heard) &&
	    !mono_before(mono_add_ms(e->heard, feared_ms), now);
}

/* Another host shows our address. */
static void
defend(
    struct election *e, bool at_peer, struct mono now, struct election_out *out)
{
	const struct election_config *config = &e->config;

	if (at_peer &&
	    dispute_lose(
	        &e->dispute, config->dead_ms, config->wins_ties, now)) {
		transition_listen(e, now, ELECTION_DISPUTED, out);
		dispute_begin_away(&e->dispute, now);
		e->deadline = mono_add_ms(
		    now, dispute_wait_ms(config->dead_ms, config->wins_ties));
		return;
	}
	if (!mono_is_never(e->defended) &&
	    mono_before(now, mono_add_ms(e->defended, DEFEND_MS)))
		return;
	e->defended = now;
	out->reason = at_peer ? ELECTION_PEER_SHOWS : ELECTION_CONFLICT;
	transition_ask(out, ELECTION_ANNOUNCE);
}

/*
 * MASTER: we hold the virtual IPs until we can't serve, are outdone, or don't
 * trust ourselves. Silence of the peer is no reason for anything, unless nobody
 * else is heard either; but once it speaks again we announce anew, for it
 * may have claimed meanwhile and yielded before we heard of it, and neighbours
 * on its side believe it still.
 */
void
reign_step(struct election *e, const struct election_event *ev, struct mono now,
    struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (!mono_before(now, e->deadline)) /* else: woken early */
			look_around(e, now, out);
		break;
	case ELECTION_HEARTBEAT:
		master_hears(e, &ev->heartbeat, now, out);
		break;
	case ELECTION_TRACK_FAULT:
		transition_fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		if (!stood_too_long(e, ev->stalled_ms, now))
			break;
		/* Drop first, ask afterwards: the peer may have claimed. */
		transition_listen(e, now, ELECTION_LATE, out);
		e->deadline = mono_add_ms(now, transition_dead_ms(e));
		break;
	case ELECTION_ACTION_FAILED:
		transition_enter(e, ELECTION_FAULT, mono_add_ms(now, RETRY_MS),
		    ELECTION_REFUSED, out);
		break;
	case ELECTION_ANSWER:
		take_answer(e, now);
		break;
	case ELECTION_CONTRADICTED:
		defend(e, ev->at_peer, now, out);
		break;
	case ELECTION_HANDOVER_BEGIN:
		e->handing = true;
		transition_ask(out, ELECTION_SEND_HELLO);
		break;
	case ELECTION_HANDOVER_ABORT:
		e->handing = false;
		transition_ask(out, ELECTION_SEND_HELLO);
		/* The peer may have had them for a moment. */
		transition_ask(out, ELECTION_ANNOUNCE);
		break;
	case ELECTION_STOP:
		transition_stop(e, out);
		break;
	case ELECTION_UNPROVEN:   /* never demotes a master */
	case ELECTION_TRACK_OK:   /* already eligible */
	case ELECTION_RESTORE:    /* belongs to the start */
	case ELECTION_PEER_ENDED: /* it held nothing */
	case ELECTION_PRIORITY:   /* the next heartbeat tells who is better */
	case ELECTION_ILL:        /* so it does, if we do not stand back */
	case ELECTION_ASKABLE:    /* asked when the peer is silent */
	case ELECTION_PAUSE:      /* what it ends comes with the next look */
		break;
	}
}

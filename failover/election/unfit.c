#include "failover/election/unfit.h"

#include "failover/election/illness.h"
#include "failover/election/rank.h"
#include "failover/election/transition.h"

/* True: somebody was heard, and so we try to serve. */
static bool
recover_if_heard(struct election *e, struct mono now, struct election_out *out)
{
	if (!e->isolated)
		return false;
	e->isolated = false;
	e->deadline = mono_never();
	if (e->faulted || e->stopped)
		return false;
	transition_listen(e, now, ELECTION_RECOVERED, out);
	return true;
}

/* Not the peer, or not its word: it may be that it shows our address. */
static void
hear(struct election *e, enum suspect_answer answer, struct mono now,
    struct election_out *out)
{
	if (!recover_if_heard(e, now, out))
		return;
	e->recovered = now;
	e->recovered_by = answer;
	e->deadline = now;
}

static void
fault_tick(struct election *e, struct mono now, struct election_out *out)
{
	if (mono_before(now, e->deadline))
		return; /* woken early */
	if (e->isolated) {
		transition_ask(out, ELECTION_PROBE);
		e->deadline = mono_add_ms(now, TRANSITION_ASK_MS);
		return;
	}
	if (e->stands_back) {
		transition_enter(
		    e, ELECTION_BACKUP, now, ELECTION_LAST_RESORT, out);
		return;
	}
	e->deadline = mono_never();
	if (!e->faulted && !e->stopped)
		transition_listen(e, now, ELECTION_RETRY, out);
}

/* What ails us has changed. */
static void
fault_ill(struct election *e, struct mono now, struct election_out *out)
{
	if (!e->stands_back)
		return;
	if (e->faults == 0) {
		transition_listen(e, now, ELECTION_RECOVERED, out);
	} else if (!illness_stands_back(e, now)) {
		transition_enter(e, ELECTION_BACKUP,
		    mono_add_ms(now, transition_dead_ms(e)),
		    ELECTION_LAST_RESORT, out);
	}
}

/* Nothing forbids us to serve any more. Who is at fault lets the peer speak. */
static void
fault_ok(struct election *e, struct mono now, struct election_out *out)
{
	e->faulted = false;
	if (!mono_is_never(e->deadline) || e->stopped)
		return;
	if (e->faults == 0)
		transition_listen(e, now, ELECTION_RECOVERED, out);
	else
		transition_stand_back(
		    e, mono_add_ms(now, e->config.listen_ms), out);
}

/*
 * The peer is no longer less ill than we are, by what it says: who is preferred
 * of the two serves, as if nothing ailed us.
 */
static void
rejoin(struct election *e, const struct election_heartbeat *h, struct mono now,
    struct election_out *out)
{
	if (illness_stands_back(e, now))
		e->deadline = mono_add_ms(now, h->dead_ms);
	else if (h->state == ELECTION_MASTER ||
	    transition_is_settling(e, now) || !rank_claim(e, h, now, out))
		transition_follow(e, h, now, ELECTION_LAST_RESORT, out);
}

void
unfit_step(struct election *e, const struct election_event *ev, struct mono now,
    struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		fault_tick(e, now, out);
		break;
	case ELECTION_HEARTBEAT:
		transition_note(e, &ev->heartbeat, now);
		if (e->stands_back)
			rejoin(e, &ev->heartbeat, now, out);
		else
			(void)recover_if_heard(e, now, out);
		break;
	case ELECTION_ANSWER:
		hear(e, ev->answer, now, out);
		break;
	case ELECTION_TRACK_FAULT: /* another one, or one more */
		if (e->stands_back)
			e->deadline = mono_never();
		e->stands_back = false;
		e->faulted = true;
		out->reason = ev->fault;
		break;
	case ELECTION_TRACK_OK:
		fault_ok(e, now, out);
		break;
	case ELECTION_ILL:
		fault_ill(e, now, out);
		break;
	case ELECTION_STOP:
		e->stopped = true;
		e->isolated = e->stands_back = false;
		e->deadline = mono_never();
		transition_ask(out, ELECTION_SEND_HELLO);
		break;
	case ELECTION_RESTORE:
		if (election_term_is_news(ev->restore.term, e->term))
			e->term = ev->restore.term;
		break;
	case ELECTION_STALLED:
		/* Its heartbeats may wait unread in our socket. */
		if (e->stands_back)
			e->deadline = mono_add_ms(now, transition_dead_ms(e));
		break; /* we hold nothing anyway */
	case ELECTION_PEER_ENDED:
		if (e->stands_back)
			transition_claim(e, now, ELECTION_PEER_DIED, out);
		break;                /* else we can't take its place */
	case ELECTION_UNPROVEN:       /* we claim nothing anyway */
	case ELECTION_ACTION_FAILED:  /* a release: the lease will end it */
	case ELECTION_CONTRADICTED:   /* it is not ours */
	case ELECTION_PRIORITY:       /* election_step() has noted it */
	case ELECTION_ASKABLE:        /* the same */
	case ELECTION_PAUSE:          /* the same */
	case ELECTION_HANDOVER_BEGIN: /* there is nothing to give */
	case ELECTION_HANDOVER_ABORT:
		break;
	}
}

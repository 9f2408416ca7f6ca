#include "failover/election/transition.h"

#include "failover/election/illness.h"

#include <assert.h>

void
transition_ask(struct election_out *out, enum election_action action)
{
	assert(out->n_actions < ELECTION_ACTIONS_MAX);
	out->actions[out->n_actions++] = action;
}

void
transition_note(
    struct election *e, const struct election_heartbeat *h, struct mono now)
{
	e->heard = now;
	e->dispute = dispute_none(); /* we understand each other */
	e->heard_dead_ms = h->dead_ms;
	e->resigned = h->resigning;
	e->peer_reigned = h->state == ELECTION_MASTER;
	e->heard_illness = illness_of(h);
	e->recovered = mono_never(); /* it was the peer that was heard */
	if (election_term_is_news(h->term, e->heard_term))
		e->heard_term = h->term;
	/*
	 * While we reign the term is that of our reign. Else what is news to
	 * us is what the next claim goes on from, and that one looks at both:
	 * on a ring two steps from one term may end on either side.
	 */
	if (e->state != ELECTION_MASTER &&
	    election_term_is_news(h->term, e->term))
		e->term = e->heard_term = h->term;
}

uint32_t
transition_dead_ms(const struct election *e)
{
	return e->heard_dead_ms > e->config.dead_ms ? e->heard_dead_ms
	                                            : e->config.dead_ms;
}

void
transition_believe(struct election *e, struct mono until)
{
	e->doubt = suspect_none();
	e->deadline = until;
}

/*
 * A claim is told first, so that a master we don't hear lets go before our
 * announcement. A release is told when the addresses are gone: the peer claims
 * as soon as it hears.
 */
void
transition_enter(struct election *e, enum election_state to,
    struct mono deadline, enum election_reason reason, struct election_out *out)
{
	const enum election_state from = e->state;

	e->state = to;
	e->deadline = deadline;
	e->contested = mono_never();
	e->better = mono_never();
	e->doubt = suspect_none();
	dispute_close(&e->dispute);
	e->asked = mono_never();
	e->handing = false;
	e->deaf = false;
	e->isolated = false;
	e->stands_back = false;
	out->reason = reason;
	if (from == ELECTION_MASTER && to != ELECTION_MASTER) {
		transition_ask(out, ELECTION_DEL_ADDRESSES);
		if (election_term_is_news(e->heard_term, e->term))
			e->term = e->heard_term;
	}
	transition_ask(out, ELECTION_SEND_HELLO);
	if (to == ELECTION_MASTER && from != ELECTION_MASTER) {
		e->peer_reigned = false;
		transition_ask(out, ELECTION_ADD_ADDRESSES);
		transition_ask(out, ELECTION_ANNOUNCE);
	}
}

void
transition_listen(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out)
{
	transition_enter(e, ELECTION_INIT,
	    mono_add_ms(now, e->config.listen_ms), reason, out);
	e->listen_end = mono_add_ms(now, TRANSITION_LISTEN_LIMIT_MS);
}

void
transition_claim(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out)
{
	/* Later than ours, and than all that the peer spoke of. */
	if (!election_term_is_later(e->term + 1, e->heard_term))
		e->term = e->heard_term;
	e->term++;
	if (reason == ELECTION_PEER_SILENT)
		out->silent_ms = (uint32_t)mono_span_ms(e->heard, now);
	transition_enter(e, ELECTION_MASTER,
	    mono_add_ms(now, e->config.dead_ms), reason, out);
}

void
transition_take(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out)
{
	transition_claim(e, now, reason, out);
	e->dispute =
	    dispute_begin(reason == ELECTION_PEER_ECHO, e->config.dead_ms, now);
}

void
transition_follow(struct election *e, const struct election_heartbeat *h,
    struct mono now, enum election_reason reason, struct election_out *out)
{
	transition_enter(
	    e, ELECTION_BACKUP, mono_add_ms(now, h->dead_ms), reason, out);
}

void
transition_fail(
    struct election *e, enum election_reason reason, struct election_out *out)
{
	e->faulted = true;
	transition_enter(e, ELECTION_FAULT, mono_never(), reason, out);
}

void
transition_isolate(
    struct election *e, struct mono now, struct election_out *out)
{
	transition_enter(e, ELECTION_FAULT, mono_add_ms(now, TRANSITION_ASK_MS),
	    ELECTION_ISOLATED, out);
	e->isolated = true;
}

void
transition_stop(struct election *e, struct election_out *out)
{
	e->stopped = true;
	transition_enter(
	    e, ELECTION_FAULT, mono_never(), ELECTION_STOPPED, out);
}

void
transition_stand_back(
    struct election *e, struct mono until, struct election_out *out)
{
	transition_enter(e, ELECTION_FAULT, until, e->fault_reason, out);
	e->stands_back = true;
	out->which = e->fault_which;
}

bool
transition_is_settling(const struct election *e, struct mono now)
{
	return mono_before(now, e->settled);
}

#include "failover/election/election.h"

#include "failover/election/illness.h"
#include "failover/election/rank.h"
#include "failover/election/reign.h"
#include "failover/election/transition.h"
#include "failover/election/unfit.h"

#include <assert.h>

/* A peer whose silence must wait is asked after now and then. */
#define PAUSED_ASK_MS 500

/* The same of one that shows the addresses, and does not answer. */
#define AWAY_ASK_MS 500

/* Who was deaf and heard somebody asks at once, while the road is open. */
#define RECOVERED_MS 20

/*
 * In a pause silence is no reason to take what the peer had: it is what work on
 * the network makes, and an answer that is missing is no more than another
 * silence.
 */
static bool
is_paused(const struct election *e, enum suspect_verdict verdict,
    enum election_reason alone)
{
	return e->paused && e->peer_reigned && alone != ELECTION_PEER_IDLE &&
	    (verdict == SUSPECT_GONE || verdict == SUSPECT_ALONE ||
	        verdict == SUSPECT_RELEASED || verdict == SUSPECT_ECHO);
}

/*
 * We have let go of what the peer shows (dispute.h). A switch's answers are
 * another matter, and so is a host that answers for itself alone.
 */
static bool
stays_away(struct election *e, enum suspect_verdict verdict, struct mono now)
{
	if (verdict == SUSPECT_HOLDS || verdict == SUSPECT_RENEWS)
		dispute_trust(&e->dispute, mono_span_ms(e->doubt.since, now));
	if ((verdict != SUSPECT_GONE && verdict != SUSPECT_ALONE) ||
	    !dispute_is_away(&e->dispute, now))
		return false;
	e->deadline = mono_add_ms(now, AWAY_ASK_MS);
	return true;
}

/* On a network that is hardly used the next frame may be far. */
static void
recall(struct election *e, struct mono now)
{
	if (!mono_is_never(e->recovered) &&
	    mono_span_ms(e->recovered, now) <= RECOVERED_MS)
		suspect_note(&e->doubt, e->recovered_by);
	e->recovered = mono_never();
}

/*
 * The time of patience with a silent peer is over: who has the addresses is
 * asked, and what the answers mean is done. `alone` is the reason to give where
 * nobody answers.
 */
static void
question(struct election *e, struct mono now, enum election_reason alone,
    struct election_out *out)
{
	const enum suspect_verdict before = e->doubt.last;
	const enum suspect_verdict verdict =
	    suspect_step(&e->doubt, &e->config.doubt, now, &e->deadline);

	recall(e, now);
	if (stays_away(e, verdict, now))
		return;
	if (is_paused(e, verdict, alone)) {
		e->deadline = mono_add_ms(now, PAUSED_ASK_MS);
		if (!e->waits)
			out->reason = ELECTION_PAUSED;
		e->waits = true;
		return;
	}
	switch (verdict) {
	case SUSPECT_QUESTION:
		transition_ask(out, ELECTION_QUESTION);
		transition_ask(out, ELECTION_PROBE);
		break;
	case SUSPECT_ASK:
		transition_ask(out, ELECTION_PROBE);
		break;
	case SUSPECT_GONE:
		transition_take(e, now, alone, out);
		break;
	case SUSPECT_ALONE:
		transition_take(e, now, alone, out);
		e->deaf = true; /* until somebody is heard */
		break;
	case SUSPECT_RELEASED:
		transition_take(e, now,
		    alone == ELECTION_NO_PEER ? alone : ELECTION_PEER_RELEASED,
		    out);
		break;
	case SUSPECT_ECHO:
		transition_take(e, now, ELECTION_PEER_ECHO, out);
		break;
	case SUSPECT_HOLDS:
		if (before != verdict)
			out->reason = ELECTION_PEER_HANGS;
		break;
	case SUSPECT_RENEWS:
		if (before != verdict)
			out->reason = ELECTION_PEER_RENEWS;
		break;
	case SUSPECT_CONFLICT:
		if (before != verdict)
			out->reason = ELECTION_CONFLICT;
		break;
	case SUSPECT_ISOLATED:
		transition_isolate(e, now, out);
		break;
	}
}

/*
 * After a stall the first heartbeats we read have waited in our socket and tell
 * of the past, and so do those that a TCP connection has kept while our
 * interface was down: only a master's counts, the others don't make us claim.
 * Meanwhile a living peer claims, for it did not hear us.
 */
static bool
makes_news_old(const struct election *e, const struct election_event *ev)
{
	return ev->type == ELECTION_STALLED ||
	    (ev->type == ELECTION_TRACK_OK && e->state == ELECTION_FAULT);
}

static void
wait_for_proof(struct election *e, struct mono now)
{
	const struct mono end = mono_add_ms(now, e->config.listen_ms);

	if (mono_before(now, e->listen_end))
		transition_believe(e, mono_min(end, e->listen_end));
}

/* Where that is so: as long as the peer is heard. */
static bool
stand_back(struct election *e, struct mono now, struct election_out *out)
{
	if (!illness_stands_back(e, now))
		return false;
	transition_stand_back(e, mono_add_ms(e->heard, e->heard_dead_ms), out);
	return true;
}

static void
init_hears(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	transition_note(e, h, now);
	if (stand_back(e, now, out))
		return;
	if (h->state == ELECTION_MASTER)
		transition_follow(e, h, now, ELECTION_PEER_MASTER, out);
	else if (!transition_is_settling(e, now) && !rank_claim(e, h, now, out))
		transition_follow(e, h, now, ELECTION_PEER_PREFERRED, out);
}

/*
 * INIT: we hold nothing and know nothing. A peer that is heard, proven, lets
 * us decide at once; the deadline is when we stop believing in one.
 */
static void
step_init(struct election *e, const struct election_event *ev, struct mono now,
    struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (!mono_before(now, e->deadline)) /* else: woken early */
			question(e, now, ELECTION_NO_PEER, out);
		break;
	case ELECTION_HEARTBEAT:
		init_hears(e, &ev->heartbeat, now, out);
		break;
	case ELECTION_UNPROVEN:
		if (!transition_is_settling(e, now))
			wait_for_proof(e, now);
		break;
	case ELECTION_TRACK_FAULT:
		transition_fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		transition_believe(e, mono_add_ms(now, transition_dead_ms(e)));
		break;
	case ELECTION_ANSWER:
		suspect_note(&e->doubt, ev->answer);
		break;
	case ELECTION_STOP:
		transition_stop(e, out);
		break;
	case ELECTION_RESTORE:
		/*
		 * The same reign goes on: no new term. If the peer claimed
		 * while we were dead, its term is higher and we yield to the
		 * first heartbeat.
		 */
		if (election_term_is_news(ev->restore.term, e->term))
			e->term = ev->restore.term;
		if (ev->restore.master)
			transition_enter(e, ELECTION_MASTER,
			    mono_add_ms(now, e->config.dead_ms),
			    ELECTION_RESTORED, out);
		break;
	case ELECTION_TRACK_OK:       /* already eligible */
	case ELECTION_ACTION_FAILED:  /* of a mastership we no longer have */
	case ELECTION_CONTRADICTED:   /* it is not ours */
	case ELECTION_PEER_ENDED:     /* we listen for its successor, too */
	case ELECTION_ILL:            /* stand_back() looks at it */
	case ELECTION_PRIORITY:       /* election_step() has noted it */
	case ELECTION_ASKABLE:        /* the same */
	case ELECTION_PAUSE:          /* the same */
	case ELECTION_HANDOVER_BEGIN: /* there is nothing to give */
	case ELECTION_HANDOVER_ABORT:
		break;
	}
}

static void
hear_master(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	/* What waited in our socket may have been taken back since. */
	if (h->hands_over && !transition_is_settling(e, now))
		transition_claim(e, now, ELECTION_HANDED_OVER, out);
	else
		transition_believe(e, mono_add_ms(now, h->dead_ms));
}

/*
 * BACKUP: somebody else is believed to hold the virtual IPs, or to claim them
 * presently. The deadline is the moment that belief expires, and then of the
 * next question; only a master's heartbeat renews it.
 */
static void
step_backup(struct election *e, const struct election_event *ev,
    struct mono now, struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (mono_before(now, e->deadline))
			break; /* woken early */
		/* Also who is heard may have claimed, and not be heard to. */
		question(e, now,
		    mono_before(
		        now, mono_add_ms(e->heard, transition_dead_ms(e)))
		        ? ELECTION_PEER_IDLE
		        : ELECTION_PEER_SILENT,
		    out);
		break;
	case ELECTION_HEARTBEAT:
		transition_note(e, &ev->heartbeat, now);
		if (stand_back(e, now, out))
			break;
		if (ev->heartbeat.state == ELECTION_MASTER)
			hear_master(e, &ev->heartbeat, now, out);
		else if (!transition_is_settling(e, now))
			(void)rank_claim(e, &ev->heartbeat, now, out);
		break;
	case ELECTION_TRACK_FAULT:
		transition_fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		/* Its heartbeats may wait unread in our socket: listen anew. */
		transition_believe(e, mono_add_ms(now, transition_dead_ms(e)));
		break;
	case ELECTION_ANSWER:
		suspect_note(&e->doubt, ev->answer);
		break;
	case ELECTION_PEER_ENDED:
		/*
		 * What its kernel may still hold is a lease that nobody renews.
		 */
		transition_claim(e, now, ELECTION_PEER_DIED, out);
		break;
	case ELECTION_STOP:
		transition_stop(e, out);
		break;
	case ELECTION_ILL:            /* stand_back() looks at it */
	case ELECTION_UNPROVEN:       /* neither renews nor ends a belief */
	case ELECTION_TRACK_OK:       /* already eligible */
	case ELECTION_ACTION_FAILED:  /* of a mastership we no longer have */
	case ELECTION_RESTORE:        /* belongs to the start */
	case ELECTION_CONTRADICTED:   /* it is not ours */
	case ELECTION_PRIORITY:       /* election_step() has noted it */
	case ELECTION_ASKABLE:        /* the same */
	case ELECTION_PAUSE:          /* the same */
	case ELECTION_HANDOVER_BEGIN: /* there is nothing to give */
	case ELECTION_HANDOVER_ABORT:
		break;
	}
}

uint32_t
election_served_ms(const struct election *e, struct mono now)
{
	int64_t ms;

	if (e->state != ELECTION_MASTER || e->deaf)
		return 0;
	ms = mono_span_ms(e->serving, now);
	return ms < ELECTION_SERVED_MAX_MS ? (uint32_t)ms
	                                   : ELECTION_SERVED_MAX_MS;
}

bool
election_term_is_later(uint64_t a, uint64_t b)
{
	const uint64_t half = UINT64_C(1) << 63, ahead = a - b;

	return ahead != 0 && (ahead < half || (ahead == half && a > b));
}

bool
election_term_is_news(uint64_t a, uint64_t b)
{
	const uint64_t quarter = UINT64_C(1) << 62, ahead = a - b;

	return election_term_is_later(a, b) ||
	    (ahead > quarter && ahead < 3 * quarter);
}

static bool
asks(const struct election_out *out, enum election_action action)
{
	for (unsigned i = 0; i < out->n_actions; i++)
		if (out->actions[i] == action)
			return true;
	return false;
}

/*
 * The virtual IPs come and go with mastership, and with nothing else; who
 * can't serve or ends is no master; a claim is later than all that the peer
 * has spoken of, and no term is given up for an earlier one.
 */
static bool
is_sane(const struct election *before, const struct election *after,
    const struct election_event *ev, const struct election_out *out)
{
	const bool was = before->state == ELECTION_MASTER;
	const bool is = after->state == ELECTION_MASTER;
	const bool claimed = is && !was && ev->type != ELECTION_RESTORE;

	if (asks(out, ELECTION_ADD_ADDRESSES) != (is && !was) ||
	    asks(out, ELECTION_DEL_ADDRESSES) != (was && !is))
		return false;
	if (is && (after->faulted || after->stopped))
		return false;
	if (after->deaf && !is)
		return false;
	if (after->stands_back &&
	    (after->state != ELECTION_FAULT || after->faulted ||
	        after->stopped || mono_is_never(after->deadline)))
		return false;
	if (!is && mono_is_never(after->deadline) &&
	    after->state != ELECTION_FAULT)
		return false; /* nothing would ever end it */
	if (claimed)
		return after->term != before->term &&
		    election_term_is_later(after->term, after->heard_term);
	return after->term == before->term ||
	    election_term_is_news(after->term, before->term);
}

/* Who waits for the end of a pause asks at once, and claims. */
static void
set_paused(struct election *e, bool paused, struct mono now)
{
	e->paused = paused;
	if (!paused && e->waits)
		e->deadline = now;
	e->waits = e->waits && paused;
}

/* Whom it is told of: who holds all the same, and who stands back for it. */
static void
tell_ill(const struct election *before, const struct election *after,
    struct election_out *out)
{
	if (before->state != after->state || out->reason != ELECTION_UNCHANGED)
		return;
	if (after->state == ELECTION_MASTER &&
	    (before->faults > 0) != (after->faults > 0)) {
		out->reason = after->faults > 0 ? ELECTION_LAST_RESORT
		                                : ELECTION_RECOVERED;
	} else if (after->stands_back &&
	    (before->fault_reason != after->fault_reason ||
	        before->fault_which != after->fault_which)) {
		out->reason = after->fault_reason;
		out->which = after->fault_which;
	}
}

struct election
election_init(const struct election_config *config, struct mono now)
{
	return (struct election){
		.config = *config,
		.state = ELECTION_INIT,
		.deadline = mono_add_ms(now, config->listen_ms),
		.listen_end = mono_add_ms(now, TRANSITION_LISTEN_LIMIT_MS),
		.heard = mono_never(),
		.serving = mono_never(),
		.asked = mono_never(),
		.recovered = mono_never(),
		.contested = mono_never(),
		.better = mono_never(),
		.settled = now,
		.defended = mono_never(),
		.doubt = suspect_none(),
		.dispute = dispute_none(),
		.priority = config->priority,
	};
}

struct election
election_step(const struct election *before, const struct election_event *ev,
    struct mono now, struct election_out *ret_out)
{
	struct election_out out = { .reason = ELECTION_UNCHANGED,
		.which = ev->which };
	struct election after = *before;

	if (ev->type == ELECTION_PRIORITY)
		after.priority = ev->priority;
	if (ev->type == ELECTION_ASKABLE)
		after.config.doubt.askable = ev->askable;
	if (ev->type == ELECTION_CONTRADICTED && ev->at_peer)
		dispute_note(&after.dispute, now);
	if (ev->type == ELECTION_PAUSE)
		set_paused(&after, ev->paused, now);
	if (ev->type == ELECTION_ILL) {
		after.faults = ev->ill.faults;
		after.lacks = ev->ill.lacks;
		after.fault_reason = ev->ill.reason;
		after.fault_which = ev->which;
	}
	if (makes_news_old(before, ev))
		after.settled = mono_add_ms(now, before->config.dead_ms);
	switch (before->state) {
	case ELECTION_INIT:
		step_init(&after, ev, now, &out);
		break;
	case ELECTION_BACKUP:
		step_backup(&after, ev, now, &out);
		break;
	case ELECTION_MASTER:
		reign_step(&after, ev, now, &out);
		break;
	case ELECTION_FAULT:
		unfit_step(&after, ev, now, &out);
		break;
	}
	if ((ev->type == ELECTION_ILL || ev->type == ELECTION_PAUSE) &&
	    after.state != ELECTION_FAULT &&
	    !(after.paused && after.state == ELECTION_MASTER))
		(void)stand_back(&after, now, &out);
	if (ev->type == ELECTION_ILL)
		tell_ill(before, &after, &out);
	if (before->state != ELECTION_MASTER)
		after.serving = now;
	if (ev->type == ELECTION_HEARTBEAT || after.state == ELECTION_MASTER ||
	    after.state == ELECTION_FAULT)
		after.waits = false;
	out.wake = after.deadline;
	assert(is_sane(before, &after, ev, &out));
	*ret_out = out;
	return after;
}

const char *
election_state_name(enum election_state state)
{
	static const char *const names[ELECTION_STATES] = {
		[ELECTION_INIT] = "init",
		[ELECTION_BACKUP] = "backup",
		[ELECTION_MASTER] = "master",
		[ELECTION_FAULT] = "fault",
	};

	return names[state];
}

const char *
election_action_name(enum election_action action)
{
	static const char *const names[] = {
		[ELECTION_SEND_HELLO] = "send hello",
		[ELECTION_ADD_ADDRESSES] = "add addresses",
		[ELECTION_DEL_ADDRESSES] = "delete addresses",
		[ELECTION_ANNOUNCE] = "announce",
		[ELECTION_PROBE] = "probe",
		[ELECTION_QUESTION] = "question",
		[ELECTION_HAND_OVER] = "hand over",
	};

	return names[action];
}

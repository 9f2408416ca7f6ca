#include "failover/election.h"

#include <assert.h>

/*
 * How long a node that was refused an address leaves the group to its peer.
 * With a healthy peer the length does not matter; without one, each retry is a
 * chance, and one a second disturbs nobody.
 */
#define RETRY_MS 1000

/*
 * Traffic with the right key that nobody proved fresh is either our peer, one
 * round trip before the proof, or a recording. It makes us listen longer, but
 * no recording makes us listen for ever.
 */
#define LISTEN_LIMIT_MS 3000

/* A contest whose loser can't hear us is not won by waiting. */
#define CONTEST_DEAD_TIMES 2

static void
ask(struct election_out *out, enum election_action action)
{
	assert(out->n_actions < ELECTION_ACTIONS_MAX);
	out->actions[out->n_actions++] = action;
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
 * The one place where the state is written, and so the one that decides in
 * which order the world learns of it. A claim is told first, so that a master
 * we don't hear lets go before our announcement. A release is told when the
 * addresses are gone: the peer claims as soon as it hears.
 */
static void
enter(struct election *e, enum election_state to, struct mono deadline,
    enum election_reason reason, struct election_out *out)
{
	const enum election_state from = e->state;

	e->state = to;
	e->deadline = deadline;
	e->contested = mono_never();
	e->settling = false;
	out->reason = reason;
	if (from == ELECTION_MASTER && to != ELECTION_MASTER) {
		ask(out, ELECTION_DEL_ADDRESSES);
		if (e->heard_term > e->term)
			e->term = e->heard_term;
	}
	ask(out, ELECTION_SEND_HELLO);
	if (to == ELECTION_MASTER && from != ELECTION_MASTER) {
		ask(out, ELECTION_ADD_ADDRESSES);
		ask(out, ELECTION_ANNOUNCE);
	}
}

static void
begin_listening(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out)
{
	enter(e, ELECTION_INIT, mono_add_ms(now, e->config.listen_ms), reason,
	    out);
	e->listen_end = mono_add_ms(now, LISTEN_LIMIT_MS);
}

static void
claim(struct election *e, struct mono now, enum election_reason reason,
    struct election_out *out)
{
	if (e->heard_term > e->term)
		e->term = e->heard_term;
	if (e->term < UINT64_MAX)
		e->term++;
	if (reason == ELECTION_PEER_SILENT)
		out->silent_ms = (uint32_t)mono_span_ms(e->heard, now);
	enter(e, ELECTION_MASTER, mono_never(), reason, out);
}

static void
follow(struct election *e, const struct election_heartbeat *h, struct mono now,
    enum election_reason reason, struct election_out *out)
{
	enter(e, ELECTION_BACKUP, mono_add_ms(now, h->dead_ms), reason, out);
}

static void
fail(struct election *e, enum election_reason reason, struct election_out *out)
{
	e->faulted = true;
	enter(e, ELECTION_FAULT, mono_never(), reason, out);
}

static void
stop(struct election *e, struct election_out *out)
{
	e->stopped = true;
	enter(e, ELECTION_FAULT, mono_never(), ELECTION_STOPPED, out);
}

static void
note(struct election *e, const struct election_heartbeat *h, struct mono now)
{
	e->heard = now;
	if (h->term > e->heard_term)
		e->heard_term = h->term;
	/* While we reign the term is that of our reign. */
	if (e->state != ELECTION_MASTER && h->term > e->term)
		e->term = h->term;
}

/* By preference alone, when neither is incumbent: both nodes agree on it. */
static bool
outranks_us(const struct election *e, const struct election_heartbeat *h)
{
	if (h->priority != e->config.priority)
		return h->priority > e->config.priority;
	return !e->config.wins_ties;
}

/*
 * Neither of us is master. If the peer can't serve, or ranks lower, waiting
 * helps nobody. If it ranks higher it claims as soon as it hears us; a backup
 * does not wait for that longer than it waits for a silent master.
 */
static bool
claim_if_better(struct election *e, const struct election_heartbeat *h,
    struct mono now, struct election_out *out)
{
	if (h->resigning)
		claim(e, now, ELECTION_PEER_RESIGNED, out);
	else if (h->state == ELECTION_FAULT)
		claim(e, now, ELECTION_PEER_FAULT, out);
	else if (!outranks_us(e, h))
		claim(e, now, ELECTION_PREFERRED, out);
	else
		return false;
	return true;
}

/*
 * INIT: we hold nothing and know nothing. A peer that is heard, proven, lets
 * us decide at once; the deadline is when we stop believing in one.
 *
 * After a stall the first heartbeats we read waited in our socket and tell of
 * the past: only a master's counts, the others don't make us claim. Meanwhile
 * a living peer claims, for it did not hear us.
 */
static void
step_init(struct election *e, const struct election_event *ev, struct mono now,
    struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (!mono_before(now, e->deadline)) /* else: woken early */
			claim(e, now, ELECTION_NO_PEER, out);
		break;
	case ELECTION_HEARTBEAT:
		note(e, &ev->heartbeat, now);
		if (ev->heartbeat.state == ELECTION_MASTER)
			follow(
			    e, &ev->heartbeat, now, ELECTION_PEER_MASTER, out);
		else if (!e->settling &&
		    !claim_if_better(e, &ev->heartbeat, now, out))
			follow(e, &ev->heartbeat, now, ELECTION_PEER_PREFERRED,
			    out);
		break;
	case ELECTION_UNPROVEN:
		if (!e->settling)
			e->deadline =
			    mono_min(mono_add_ms(now, e->config.listen_ms),
			        e->listen_end);
		break;
	case ELECTION_TRACK_FAULT:
		fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		e->deadline = mono_add_ms(now, e->config.dead_ms);
		e->settling = true;
		break;
	case ELECTION_STOP:
		stop(e, out);
		break;
	case ELECTION_RESTORE:
		/*
		 * The same reign goes on: no new term. If the peer claimed
		 * while we were dead, its term is higher and we yield to the
		 * first heartbeat.
		 */
		if (ev->restore.term > e->term)
			e->term = ev->restore.term;
		if (ev->restore.master)
			enter(e, ELECTION_MASTER, mono_never(),
			    ELECTION_RESTORED, out);
		break;
	case ELECTION_TRACK_OK:      /* already eligible */
	case ELECTION_ACTION_FAILED: /* of a mastership we no longer have */
		break;
	}
}

/*
 * BACKUP: somebody else is believed to hold the virtual IPs, or to claim them
 * presently. The deadline is the moment that belief expires; only a master's
 * heartbeat renews it.
 */
static void
step_backup(struct election *e, const struct election_event *ev,
    struct mono now, struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (!mono_before(now, e->deadline)) /* else: woken early */
			claim(e, now,
			    mono_before(
			        now, mono_add_ms(e->heard, e->config.dead_ms))
			        ? ELECTION_PEER_IDLE
			        : ELECTION_PEER_SILENT,
			    out);
		break;
	case ELECTION_HEARTBEAT:
		note(e, &ev->heartbeat, now);
		if (ev->heartbeat.state == ELECTION_MASTER)
			e->deadline = mono_add_ms(now, ev->heartbeat.dead_ms);
		else
			(void)claim_if_better(e, &ev->heartbeat, now, out);
		break;
	case ELECTION_TRACK_FAULT:
		fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		/* Its heartbeats may wait unread in our socket: listen anew. */
		e->deadline = mono_add_ms(now, e->config.dead_ms);
		break;
	case ELECTION_STOP:
		stop(e, out);
		break;
	case ELECTION_UNPROVEN:      /* neither renews nor ends a belief */
	case ELECTION_TRACK_OK:      /* already eligible */
	case ELECTION_ACTION_FAILED: /* of a mastership we no longer have */
	case ELECTION_RESTORE:       /* belongs to the start */
		break;
	}
}

/*
 * Two masters, after a cut has healed. The loser drops at once. The winner
 * speaks at once, so that the loser hears it, and announces when the contest
 * begins and when it ends, for the loser's announcements were heard too.
 */
static void
contest(struct election *e, const struct election_heartbeat *h, struct mono now,
    struct election_out *out)
{
	const int64_t patience_ms = CONTEST_DEAD_TIMES * e->config.dead_ms;

	if (h->term > e->term) {
		follow(e, h, now, ELECTION_OUTRANKED_TERM, out);
	} else if (h->term == e->term && outranks_us(e, h)) {
		follow(e, h, now, ELECTION_OUTRANKED_RANK, out);
	} else if (mono_is_never(e->contested)) {
		e->contested = now;
		out->reason = ELECTION_CONTESTED;
		ask(out, ELECTION_SEND_HELLO);
		ask(out, ELECTION_ANNOUNCE);
	} else if (h->hears_us) {
		e->contested = now; /* it is about to drop */
	} else if (!mono_before(now, mono_add_ms(e->contested, patience_ms))) {
		/* The road is open one way only: who can hear must yield. */
		follow(e, h, now, ELECTION_PEER_DEAF, out);
	}
}

/* Before this heartbeat there was none for so long that the peer may claim. */
static bool
was_cut_off(const struct election *e, const struct election_heartbeat *h,
    struct mono now)
{
	return mono_is_never(e->heard) ||
	    !mono_before(now, mono_add_ms(e->heard, h->dead_ms));
}

/*
 * MASTER: we hold the virtual IPs until we can't serve, are outdone, or don't
 * trust ourselves. Silence of the peer is no reason for anything; but once it
 * speaks again we announce anew, for it may have claimed meanwhile and yielded
 * before we heard of it, and neighbours on its side believe it still.
 */
static void
step_master(struct election *e, const struct election_event *ev,
    struct mono now, struct election_out *out)
{
	bool cut_off;

	switch (ev->type) {
	case ELECTION_HEARTBEAT:
		cut_off = was_cut_off(e, &ev->heartbeat, now);
		note(e, &ev->heartbeat, now);
		if (ev->heartbeat.state == ELECTION_MASTER) {
			contest(e, &ev->heartbeat, now, out);
		} else if (!mono_is_never(e->contested)) {
			e->contested = mono_never();
			out->reason = ELECTION_UNCONTESTED;
			ask(out, ELECTION_ANNOUNCE);
		} else if (cut_off) {
			ask(out, ELECTION_ANNOUNCE);
		}
		break;
	case ELECTION_TRACK_FAULT:
		fail(e, ev->fault, out);
		break;
	case ELECTION_STALLED:
		/* Drop first, ask afterwards: the peer has claimed by now. */
		begin_listening(e, now, ELECTION_LATE, out);
		e->deadline = mono_add_ms(now, e->config.dead_ms);
		e->settling = true;
		break;
	case ELECTION_ACTION_FAILED:
		enter(e, ELECTION_FAULT, mono_add_ms(now, RETRY_MS),
		    ELECTION_REFUSED, out);
		break;
	case ELECTION_STOP:
		stop(e, out);
		break;
	case ELECTION_TICK:     /* nothing is timed */
	case ELECTION_UNPROVEN: /* never demotes a master */
	case ELECTION_TRACK_OK: /* already eligible */
	case ELECTION_RESTORE:  /* belongs to the start */
		break;
	}
}

/*
 * FAULT: this node can't serve: something tracked is at fault, the kernel
 * refused an address (then the deadline is the next try), or the daemon ends.
 */
static void
step_fault(struct election *e, const struct election_event *ev, struct mono now,
    struct election_out *out)
{
	switch (ev->type) {
	case ELECTION_TICK:
		if (mono_before(now, e->deadline))
			break; /* woken early */
		e->deadline = mono_never();
		if (!e->faulted && !e->stopped)
			begin_listening(e, now, ELECTION_RETRY, out);
		break;
	case ELECTION_HEARTBEAT:
		note(e, &ev->heartbeat, now);
		break;
	case ELECTION_TRACK_FAULT:
		e->faulted = true;
		break;
	case ELECTION_TRACK_OK:
		e->faulted = false;
		if (mono_is_never(e->deadline) && !e->stopped)
			begin_listening(e, now, ELECTION_RECOVERED, out);
		break;
	case ELECTION_STOP:
		e->stopped = true;
		e->deadline = mono_never();
		ask(out, ELECTION_SEND_HELLO);
		break;
	case ELECTION_RESTORE:
		if (ev->restore.term > e->term)
			e->term = ev->restore.term;
		break;
	case ELECTION_UNPROVEN:      /* we claim nothing anyway */
	case ELECTION_STALLED:       /* we hold nothing anyway */
	case ELECTION_ACTION_FAILED: /* a release: the lease will end it */
		break;
	}
}

struct mono
election_wake(const struct election *e)
{
	return e->deadline;
}

/*
 * The virtual IPs come and go with mastership, and with nothing else; who
 * can't serve or ends is no master; terms rise with a claim and never fall.
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
	if (is != mono_is_never(after->deadline) &&
	    after->state != ELECTION_FAULT)
		return false;
	if (claimed && before->term != UINT64_MAX)
		return after->term > before->term;
	return after->term >= before->term;
}

struct election
election_init(const struct election_config *config, struct mono now)
{
	return (struct election){
		.config = *config,
		.state = ELECTION_INIT,
		.deadline = mono_add_ms(now, config->listen_ms),
		.listen_end = mono_add_ms(now, LISTEN_LIMIT_MS),
		.heard = mono_never(),
		.contested = mono_never(),
	};
}

struct election
election_step(const struct election *before, const struct election_event *ev,
    struct mono now, struct election_out *ret_out)
{
	struct election_out out = { .reason = ELECTION_UNCHANGED };
	struct election after = *before;

	switch (before->state) {
	case ELECTION_INIT:
		step_init(&after, ev, now, &out);
		break;
	case ELECTION_BACKUP:
		step_backup(&after, ev, now, &out);
		break;
	case ELECTION_MASTER:
		step_master(&after, ev, now, &out);
		break;
	case ELECTION_FAULT:
		step_fault(&after, ev, now, &out);
		break;
	}
	out.wake = election_wake(&after);
	assert(is_sane(before, &after, ev, &out));
	*ret_out = out;
	return after;
}

const char *
election_state_name(enum election_state state)
{
	switch (state) {
	case ELECTION_INIT:
		return "init";
	case ELECTION_BACKUP:
		return "backup";
	case ELECTION_MASTER:
		return "master";
	case ELECTION_FAULT:
		return "fault";
	}
	return "?";
}

const char *
election_action_name(enum election_action action)
{
	switch (action) {
	case ELECTION_SEND_HELLO:
		return "send hello";
	case ELECTION_ADD_ADDRESSES:
		return "add addresses";
	case ELECTION_DEL_ADDRESSES:
		return "delete addresses";
	case ELECTION_ANNOUNCE:
		return "announce";
	}
	return "?";
}

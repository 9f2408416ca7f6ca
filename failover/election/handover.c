#include "failover/election/handover.h"

#include <assert.h>

static void
ask(struct handover_out *out, enum handover_action action)
{
	assert(out->n_actions < HANDOVER_ACTIONS_MAX);
	out->actions[out->n_actions++] = action;
}

/* The one place where the state is written. */
static void
enter(struct handover *h, enum handover_state to, struct mono deadline)
{
	h->state = to;
	h->deadline = deadline;
}

/* Whoever waits is told, once. */
static void
conclude(
    struct handover *h, enum handover_outcome outcome, struct handover_out *out)
{
	if (h->wanted)
		out->outcome = outcome;
	h->wanted = false;
}

static void
rest(struct handover *h)
{
	h->muted = h->served = false;
	enter(h, HANDOVER_IDLE, mono_never());
}

static void
begin(struct handover *h, struct mono now, struct handover_out *out)
{
	/* First: no SYN is between the two. */
	ask(out, HANDOVER_HOLD);
	ask(out, HANDOVER_MUTE);
	enter(h, HANDOVER_MUTING, mono_add_ms(now, h->times.mute_ms));
}

/*
 * Everything shall be as it was. What is held goes to our listeners, as soon as
 * they answer; unless the peer has got it.
 */
static void
give_up(struct handover *h, enum handover_outcome outcome, struct mono now,
    struct handover_out *out)
{
	const bool served = h->served;

	if (h->state == HANDOVER_ASKING)
		ask(out, HANDOVER_TAKE_BACK);
	ask(out, HANDOVER_ANSWER);
	conclude(h, outcome, out);
	rest(h);
	if (served)
		ask(out, HANDOVER_LET_GO);
	else
		enter(
		    h, HANDOVER_ANSWERING, mono_add_ms(now, h->times.mute_ms));
}

/* The addresses go; nobody is asked for what is not here. */
static void
let_them_go(struct handover *h, struct mono now, struct handover_out *out)
{
	ask(out, HANDOVER_DELETE);
	ask(out, HANDOVER_ANSWER);
	h->muted = false;
	if (h->served)
		conclude(h, HANDOVER_DONE, out);
	enter(h, HANDOVER_FORWARDING, mono_add_ms(now, h->times.forward_ms));
}

static uint32_t
release_ms(const struct handover *h, uint32_t connections)
{
	const uint64_t ms = h->times.release_ms +
	    (uint64_t)connections * HANDOVER_RESET_US / 1000;

	return ms < HANDOVER_RELEASE_MOST_MS ? (uint32_t)ms
	                                     : HANDOVER_RELEASE_MOST_MS;
}

/*
 * The election lets go. Softly: new clients are not let in any more, if they
 * were before, and then the relay resets all who are. Else at once: there is no
 * relay, or no time.
 */
static void
release(struct handover *h, const struct handover_event *ev, struct mono now,
    struct handover_out *out)
{
	if (ev->release.softly) {
		ask(out, HANDOVER_HOLD);
		ask(out, h->muted ? HANDOVER_RESET : HANDOVER_MUTE);
		enter(h, HANDOVER_RELEASING,
		    mono_add_ms(now, release_ms(h, ev->release.connections)));
		return;
	}
	ask(out, HANDOVER_DELETE);
	if (h->state != HANDOVER_IDLE) {
		ask(out, HANDOVER_ANSWER);
		ask(out, HANDOVER_LET_GO);
	}
	conclude(h, HANDOVER_LOST, out);
	rest(h);
}

/* What the peer says counts from the moment it was asked. */
static void
note_served(struct handover *h, struct handover_out *out)
{
	if (!h->served)
		ask(out, HANDOVER_FORWARD);
	h->served = true;
}

/* IDLE: either node may have the group, and nothing is to be done about it. */
static void
step_idle(struct handover *h, const struct handover_event *ev, struct mono now,
    struct handover_out *out)
{
	switch (ev->type) {
	case HANDOVER_BEGIN:
		h->wanted = true;
		begin(h, now, out);
		break;
	case HANDOVER_RELEASE:
		release(h, ev, now, out);
		break;
	case HANDOVER_TICK:  /* of a handover that is over, */
	case HANDOVER_MUTED: /* and so are these */
	case HANDOVER_NOT_MUTED:
	case HANDOVER_ANSWERED:
	case HANDOVER_WAS_RESET:
	case HANDOVER_RELAY_GONE:
	case HANDOVER_PEER:  /* does not matter */
	case HANDOVER_CLAIM: /* nothing was let go */
		break;
	}
}

/* The time for what we wait for is over. */
static void
run_out(struct handover *h, struct mono now, struct handover_out *out)
{
	switch (h->state) {
	case HANDOVER_MUTING:
		give_up(h, HANDOVER_MUTE_FAILED, now, out);
		break;
	case HANDOVER_SETTLING:
		ask(out, HANDOVER_ASK);
		enter(h, HANDOVER_ASKING, mono_add_ms(now, h->times.ask_ms));
		break;
	case HANDOVER_ASKING:
		give_up(h, HANDOVER_PEER_MUTE, now, out);
		break;
	case HANDOVER_IDLE: /* these have steps of their own */
	case HANDOVER_RELEASING:
	case HANDOVER_FORWARDING:
	case HANDOVER_ANSWERING:
		break;
	}
}

/*
 * MUTING: until we are told so, new clients may still be answered. SETTLING:
 * nobody new is, and the last who were get through. ASKING: our heartbeats ask
 * the peer to claim; its claim reaches us through the election, as RELEASE. A
 * claim that comes after we took it back is a contest like any other, which its
 * higher term wins.
 */
static void
step_revocable(struct handover *h, const struct handover_event *ev,
    struct mono now, struct handover_out *out)
{
	switch (ev->type) {
	case HANDOVER_TICK:
		if (!mono_before(now, h->deadline)) /* else: woken early */
			run_out(h, now, out);
		break;
	case HANDOVER_MUTED:
		if (h->state != HANDOVER_MUTING)
			break; /* it is, whatever comes late */
		h->muted = true;
		enter(
		    h, HANDOVER_SETTLING, mono_add_ms(now, h->times.settle_ms));
		break;
	case HANDOVER_NOT_MUTED:
		if (h->state == HANDOVER_MUTING)
			give_up(h, HANDOVER_MUTE_FAILED, now, out);
		break;
	case HANDOVER_RELAY_GONE:
		give_up(h, HANDOVER_NO_RELAY, now, out);
		break;
	case HANDOVER_PEER:
		if (!ev->peer.sound)
			give_up(h, HANDOVER_PEER_LOST, now, out);
		break;
	case HANDOVER_RELEASE:
		release(h, ev, now, out);
		break;
	case HANDOVER_BEGIN:     /* has begun */
	case HANDOVER_ANSWERED:  /* of an earlier one, */
	case HANDOVER_WAS_RESET: /* and so is this */
	case HANDOVER_CLAIM:     /* we are master */
		break;
	}
}

/*
 * RELEASING: the peer has claimed, and both have the addresses while the relay
 * resets the connections here. What is held can go as soon as the peer serves.
 */
static void
step_releasing(struct handover *h, const struct handover_event *ev,
    struct mono now, struct handover_out *out)
{
	switch (ev->type) {
	case HANDOVER_TICK:
		if (!mono_before(now, h->deadline)) /* else: woken early */
			let_them_go(h, now, out);
		break;
	case HANDOVER_MUTED:
	case HANDOVER_NOT_MUTED: /* then those few find nobody */
		if (!h->muted)
			ask(out, HANDOVER_RESET);
		h->muted = true;
		break;
	case HANDOVER_WAS_RESET:
		if (h->muted) /* else: of an earlier release */
			let_them_go(h, now, out);
		break;
	case HANDOVER_RELAY_GONE: /* its sockets reset when it dies */
		let_them_go(h, now, out);
		break;
	case HANDOVER_PEER:
		if (ev->peer.serves)
			note_served(h, out);
		break;
	case HANDOVER_RELEASE: /* no more waiting: the process ends */
		release(h, ev, now, out);
		break;
	case HANDOVER_CLAIM:
		give_up(h, HANDOVER_TAKEN_BACK, now, out);
		break;
	case HANDOVER_BEGIN:    /* we are not master */
	case HANDOVER_ANSWERED: /* of an earlier one */
		break;
	}
}

/*
 * FORWARDING: we have nothing, but neighbours that missed the announcement
 * still send to us. Back as master we stop at once: the peer would send it
 * back, and so on for ever.
 */
static void
step_forwarding(struct handover *h, const struct handover_event *ev,
    struct mono now, struct handover_out *out)
{
	switch (ev->type) {
	case HANDOVER_TICK:
		if (mono_before(now, h->deadline))
			break; /* woken early */
		ask(out, HANDOVER_LET_GO);
		conclude(h, HANDOVER_PEER_UNSURE, out);
		rest(h);
		break;
	case HANDOVER_PEER:
		if (!ev->peer.serves)
			break;
		note_served(h, out);
		conclude(h, HANDOVER_DONE, out);
		break;
	case HANDOVER_CLAIM:
		give_up(h, HANDOVER_TAKEN_BACK, now, out);
		break;
	case HANDOVER_RELEASE: /* no more waiting: the process ends */
		release(h, ev, now, out);
		break;
	case HANDOVER_BEGIN:      /* we are not master */
	case HANDOVER_ANSWERED:   /* since the addresses went */
	case HANDOVER_MUTED:      /* of what is over */
	case HANDOVER_NOT_MUTED:  /* and so */
	case HANDOVER_WAS_RESET:  /* is this */
	case HANDOVER_RELAY_GONE: /* no longer needed */
		break;
	}
}

/*
 * ANSWERING: nobody has moved. Who wants to try again waits until all is as it
 * was.
 */
static void
step_answering(struct handover *h, const struct handover_event *ev,
    struct mono now, struct handover_out *out)
{
	switch (ev->type) {
	case HANDOVER_TICK:
		if (mono_before(now, h->deadline))
			return; /* woken early */
		ask(out, HANDOVER_LET_GO);
		break;
	case HANDOVER_ANSWERED:
		ask(out, HANDOVER_GIVE_BACK);
		break;
	case HANDOVER_BEGIN:
		h->wanted = true;
		return;
	case HANDOVER_RELEASE:
		release(h, ev, now, out);
		return;
	case HANDOVER_MUTED:      /* late, and taken back */
	case HANDOVER_NOT_MUTED:  /* as little as that */
	case HANDOVER_WAS_RESET:  /* of an earlier release */
	case HANDOVER_RELAY_GONE: /* the next one finds them waiting */
	case HANDOVER_PEER:       /* does not matter */
	case HANDOVER_CLAIM:      /* we are master */
		return;
	}
	rest(h);
	if (h->wanted)
		begin(h, now, out);
}

struct handover
handover_idle(void)
{
	return (struct handover){ .times = { .mute_ms = HANDOVER_MUTE_MS,
		                      .settle_ms = HANDOVER_SETTLE_MS,
		                      .ask_ms = HANDOVER_ASK_MS,
		                      .release_ms = HANDOVER_RELEASE_MS,
		                      .forward_ms = HANDOVER_FORWARD_MS },
		.state = HANDOVER_IDLE,
		.deadline = mono_never() };
}

enum handover_outcome
handover_objection(const struct handover_view *v)
{
	if (!v->master)
		return HANDOVER_NOT_MASTER;
	if (!v->relay)
		return HANDOVER_NO_RELAY;
	if (!v->peer_heard)
		return HANDOVER_PEER_UNHEARD;
	if (v->peer_lacks_group)
		return HANDOVER_PEER_LACKS;
	if (!v->peer_same_addresses)
		return HANDOVER_PEER_DIFFERS;
	if (!v->peer_backup)
		return HANDOVER_PEER_UNFIT;
	if (v->peer_worse)
		return HANDOVER_PEER_WORSE;
	return HANDOVER_UNDECIDED;
}

/* Who waits for something is woken; nobody is left waiting. */
static bool
is_sane(const struct handover *before, const struct handover *after,
    const struct handover_out *out)
{
	if ((after->state == HANDOVER_IDLE) != mono_is_never(after->deadline))
		return false;
	if (after->state == HANDOVER_IDLE &&
	    (after->wanted || after->muted || after->served))
		return false;
	if (before->wanted && !after->wanted)
		return out->outcome != HANDOVER_UNDECIDED;
	return out->outcome == HANDOVER_UNDECIDED;
}

struct handover
handover_step(const struct handover *before, const struct handover_event *ev,
    struct mono now, struct handover_out *ret_out)
{
	struct handover_out out = { .outcome = HANDOVER_UNDECIDED };
	struct handover after = *before;

	switch (before->state) {
	case HANDOVER_IDLE:
		step_idle(&after, ev, now, &out);
		break;
	case HANDOVER_MUTING:
	case HANDOVER_SETTLING:
	case HANDOVER_ASKING:
		step_revocable(&after, ev, now, &out);
		break;
	case HANDOVER_RELEASING:
		step_releasing(&after, ev, now, &out);
		break;
	case HANDOVER_FORWARDING:
		step_forwarding(&after, ev, now, &out);
		break;
	case HANDOVER_ANSWERING:
		step_answering(&after, ev, now, &out);
		break;
	}
	out.wake = after.deadline;
	assert(is_sane(before, &after, &out));
	*ret_out = out;
	return after;
}

const char *
handover_state_name(enum handover_state state)
{
	static const char *const names[HANDOVER_STATES] = {
		[HANDOVER_IDLE] = "idle",
		[HANDOVER_MUTING] = "muting",
		[HANDOVER_SETTLING] = "settling",
		[HANDOVER_ASKING] = "asking",
		[HANDOVER_RELEASING] = "releasing",
		[HANDOVER_FORWARDING] = "forwarding",
		[HANDOVER_ANSWERING] = "answering",
	};

	return names[state];
}

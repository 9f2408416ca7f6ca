#include "failover/group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/chan.h"
#include "core/log.h"
#include "core/wall.h"
#include "failover/announce.h"
#include "failover/beat.h"
#include "failover/giver.h"
#include "failover/neighbours.h"
#include "failover/tickle.h"
#include "failover/witness.h"

static void
arm(struct ev_loop *loop, ev_timer *timer, struct mono at)
{
	double after_s;

	ev_timer_stop(loop, timer);
	if (mono_is_never(at))
		return;
	after_s = (double)mono_span_us(mono_now(), at) / 1e6;
	ev_timer_set(timer, after_s > 0. ? after_s : 0., 0.);
	ev_timer_start(loop, timer);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	group_post(w->data, &(struct election_event){ .type = ELECTION_TICK });
}

/* Errors of announcing are told once, and once that they are over. */
static void
note_announced(struct role_group *g, int r)
{
	if (r == g->announce_error)
		return;
	g->announce_error = r;
	if (r < 0)
		log_warning(g->subject,
		    "announcing on %s failed: %s, trying again as scheduled",
		    g->config->interface, strerror(-r));
	else
		log_notice(g->subject, "announcing on %s works again",
		    g->config->interface);
}

/*
 * Frame `i` of a round; the first are one for each address. An IPv6 address is
 * not usable as soon as it was added: clients that heard of it then would wait
 * a second for their next try. It is announced when it is.
 */
static void
announce(struct role_group *g, unsigned i)
{
	if (i < g->config->n_addresses && !holder_is_usable(&g->holder, i))
		return;
	note_announced(
	    g, announce_send(g->role->packet, &g->holder.link, g->config, i));
}

/* What is due, and the timer for the rest. */
static void
announce_due(struct role_group *g)
{
	unsigned frame;

	while (schedule_next(&g->schedule, g->lane, mono_now(), &frame))
		announce(g, frame);
	arm(g->role->loop, &g->frame, schedule_wake(&g->schedule, g->lane));
}

static void
on_frame(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	announce_due(w->data);
}

static enum msg_group_state
msg_state(enum election_state state)
{
	switch (state) {
	case ELECTION_INIT:
		return MSG_GROUP_INIT;
	case ELECTION_BACKUP:
		return MSG_GROUP_BACKUP;
	case ELECTION_MASTER:
		return MSG_GROUP_MASTER;
	case ELECTION_FAULT:
		return MSG_GROUP_FAULT;
	}
	return MSG_GROUP_FAULT;
}

static struct schedule_lane *
lane_of(struct role *role, unsigned index)
{
	const struct config_group *groups = role->config->pair.groups;
	unsigned first = 0;

	while (strcmp(groups[first].interface, groups[index].interface) != 0)
		first++;
	return &role->lanes[first];
}

void
group_init(struct role *role, unsigned index)
{
	struct role_group *g = &role->groups[index];
	const struct config_pair *pair = &role->config->pair;
	/*
	 * A second is how long the kernel takes to ask again for a neighbour
	 * whose first answer was lost: until then our silence proves nothing.
	 */
	const struct election_config config = {
		.dead_ms = role->dead_ms,
		.listen_ms =
		    pair->interval_ms * 5 > 1000 ? pair->interval_ms * 5 : 1000,
		.doubt = { .hang_ms = pair->hang_ms,
		    .witnesses = pair->n_witnesses > 0 },
		.priority = config_priority(pair, index, role->start.node),
		.wins_ties = addr_compare_ip(&role->self->address,
		                 &role->other->address) > 0,
		.preempt = pair->preempt,
		.preempt_delay_ms = pair->preempt_delay_ms,
	};

	g->role = role;
	g->index = index;
	g->config = &pair->groups[index];
	snprintf(g->subject, sizeof(g->subject), "group %s", g->config->name);
	g->election = election_init(&config, mono_now());
	g->holder = holder_init(g->config, role->netlink,
	    holder_lease_s(pair->hang_ms, role->dead_ms));
	g->peer_near = holder_is_near(&g->holder, &role->other->address);
	g->schedule = schedule_idle();
	role->lanes[index] = schedule_lane_init();
	g->lane = lane_of(role, index);
	ev_init(&g->tick, on_tick);
	g->tick.data = g;
	ev_init(&g->frame, on_frame);
	ev_init(&g->route_look, NULL);
	g->frame.data = g;
	giver_init_group(g);
	g->told = (struct msg_group){ .group = (uint16_t)index,
		.state = MSG_GROUP_INIT,
		.priority = config.priority,
		.effective_priority = config.priority,
		.since_wall_ms = wall_now_ms(),
		.reason = "started, listening for the peer" };
	g->supervisor_owes = g->relay_owes = true;
}

static void
push(struct role_group *g, const struct election_event *ev)
{
	/* Full only in a storm of our own making; the oldest matter most. */
	if (g->n_events < ROLE_EVENTS_MAX)
		g->events[g->n_events++] = *ev;
}

static bool
pop(struct role_group *g, struct election_event *ret_ev)
{
	if (g->n_events == 0)
		return false;
	*ret_ev = g->events[0];
	g->n_events--;
	memmove(g->events, g->events + 1, g->n_events * sizeof(g->events[0]));
	return true;
}

static int
carry_out(struct role_group *g, enum election_action action)
{
	switch (action) {
	case ELECTION_SEND_HELLO:
		beat_send(g->role);
		return 0;
	case ELECTION_ADD_ADDRESSES:
		giver_claim(g);
		return holder_hold(&g->holder);
	case ELECTION_DEL_ADDRESSES:
		schedule_stop(&g->schedule);
		giver_release(g); /* maybe in a moment: see handover.h */
		return 0;
	case ELECTION_ANNOUNCE:
		group_announce(g);
		return 0;
	case ELECTION_PROBE:
		neighbours_ask(g);
		witness_ask(g->role);
		return 0;
	case ELECTION_HAND_OVER:
		giver_offer(g);
		return 0;
	}
	return -EINVAL;
}

static bool
send_group(struct role_group *g, int chan)
{
	uint8_t body[CHAN_BODY_MAX];
	struct buf b = buf_writer(body, sizeof(body));

	msg_put_group(&b, &g->told);
	return !b.bad && chan_send(chan, MSG_GROUP, body, b.pos, -1) == 0;
}

void
group_tell(struct role_group *g)
{
	if (g->supervisor_owes)
		g->supervisor_owes = !send_group(g, g->role->supervisor);
	if (g->relay_owes && g->role->relay != -1)
		g->relay_owes = !send_group(g, g->role->relay);
}

static void
tell(struct role_group *g, enum election_state was,
    const struct election_out *out)
{
	const enum election_state is = g->election.state;
	char subject[REASON_SUBJECT_MAX], text[REASON_TEXT_MAX];

	reason_subject(out, &g->role->config->pair, g->config, subject);
	reason_text(out, subject, text);
	g->told.state = msg_state(is);
	g->told.term = g->election.term;
	if (is != was) {
		g->told.transitions++;
		g->told.since_wall_ms = wall_now_ms();
	}
	snprintf(g->told.reason, sizeof(g->told.reason), "%s", text);
	g->supervisor_owes = g->relay_owes = true;
	group_tell(g);
	if (is != was)
		log_notice(g->subject, "%s -> %s, reason: %s",
		    election_state_name(was), election_state_name(is), text);
	else
		log_notice(g->subject, "stays %s, reason: %s",
		    election_state_name(is), text);
}

/* Who was connected to the peer learns that it is not there any more. */
static void
tell_connected(
    struct role_group *g, enum election_state was, enum election_reason reason)
{
	const enum election_state is = g->election.state;

	if (reason == ELECTION_HANDED_OVER)
		tickle_begin_late(g);
	else if (is == ELECTION_MASTER &&
	    (was != ELECTION_MASTER || reason == ELECTION_UNCONTESTED))
		tickle_begin(g);
	else if (is != ELECTION_MASTER && was == ELECTION_MASTER)
		tickle_stop(g);
}

/*
 * The one place where the election meets the world. An action may raise an
 * event (an address refused): it is queued and settled here, so a step never
 * runs inside another step.
 */
static void
settle_one(struct role_group *g, const struct election_event *ev)
{
	const enum election_state was = g->election.state;
	struct election_out out;
	unsigned done = 0;
	int r = 0;

	g->election = election_step(&g->election, ev, mono_now(), &out);
	while (
	    done < out.n_actions && (r = carry_out(g, out.actions[done])) == 0)
		done++;
	arm(g->role->loop, &g->tick, out.wake);

	tell_connected(g, was, out.reason);
	/* Act first, then tell: a takeover waits for no log. */
	if (out.reason != ELECTION_UNCHANGED)
		tell(g, was, &out);
	if (r < 0) {
		log_error(g->subject, "%s failed on %s: %s",
		    election_action_name(out.actions[done]),
		    g->config->interface, strerror(-r));
		push(g,
		    &(struct election_event){ .type = ELECTION_ACTION_FAILED });
	}
}

void
group_post(struct role_group *g, const struct election_event *ev)
{
	struct election_event next;

	/* Before all else that happened meanwhile. */
	beat_look(g->role);
	push(g, ev);
	if (g->settling)
		return; /* the caller is a step: it comes to this one later */
	g->settling = true;
	while (pop(g, &next))
		settle_one(g, &next);
	g->settling = false;
}

void
group_track(
    struct role_group *g, enum role_cause cause, enum election_reason reason)
{
	group_track_one(g, cause, reason, 0);
}

static struct role_fault
first_fault(const struct role_group *g)
{
	for (unsigned i = 0; i < ROLE_CAUSES; i++)
		if (g->faults[i].reason != ELECTION_UNCHANGED)
			return g->faults[i];
	return (struct role_fault){ 0 };
}

bool
group_is_well(const struct role_group *g)
{
	return first_fault(g).reason == ELECTION_UNCHANGED;
}

void
group_track_one(struct role_group *g, enum role_cause cause,
    enum election_reason reason, unsigned which)
{
	struct role_fault now = { reason, which };

	if (reason == ELECTION_RECOVERED)
		now = (struct role_fault){ 0 };
	g->faults[cause] = now;
	now = first_fault(g);
	if (now.reason == g->fault.reason && now.which == g->fault.which)
		return;
	g->fault = now;
	if (now.reason == ELECTION_UNCHANGED)
		group_post(
		    g, &(struct election_event){ .type = ELECTION_TRACK_OK });
	else
		group_post(g,
		    &(struct election_event){ .type = ELECTION_TRACK_FAULT,
		        .which = now.which,
		        .fault = now.reason });
}

void
group_weigh(struct role_group *g, uint8_t priority)
{
	const uint8_t before = g->told.effective_priority;

	if (priority == before)
		return;
	g->told.effective_priority = priority;
	g->supervisor_owes = g->relay_owes = true;
	group_post(g,
	    &(struct election_event){
	        .type = ELECTION_PRIORITY, .priority = priority });
	group_tell(g);
	log_notice(g->subject, "priority %u -> %u", before, priority);
}

void
group_announce_address(struct role_group *g, unsigned i)
{
	if (g->election.state == ELECTION_MASTER)
		announce(g, i);
}

void
group_announce(struct role_group *g)
{
	if (g->election.state != ELECTION_MASTER)
		return;
	schedule_start(&g->schedule, announce_count(g->config),
	    (unsigned)g->config->n_addresses, mono_now());
	announce_due(g);
}

void
group_stop_timers(struct role_group *g)
{
	ev_timer_stop(g->role->loop, &g->tick);
	ev_timer_stop(g->role->loop, &g->frame);
}

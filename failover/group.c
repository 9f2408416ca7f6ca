#include "failover/group.h"

#include "core/buf.h"
#include "core/channel.h"
#include "core/log.h"
#include "core/mono.h"
#include "core/timeout.h"
#include "core/wall_clock.h"
#include "failover/election/reason.h"
#include "failover/heartbeat/heartbeat_segment.h"
#include "failover/vip/garp.h"

#include <stdio.h>
#include <string.h>

/* A group's state goes into messages as the election counts it. */
_Static_assert((int)MSG_GROUP_INIT == ELECTION_INIT &&
        (int)MSG_GROUP_BACKUP == ELECTION_BACKUP &&
        (int)MSG_GROUP_MASTER == ELECTION_MASTER &&
        (int)MSG_GROUP_FAULT == ELECTION_FAULT,
    "states are cast");

/* Errors of announcing are told once, and once that they are over. */
static void
note_announced(struct role_group *g, unsigned k, int e)
{
	if (e == g->announce_errors[k])
		return;
	g->announce_errors[k] = e;
	if (e < 0)
		log_warning(g->subject,
		    "[address] announcing on %s failed: %s, trying again as scheduled",
		    g->config->interfaces[k], strerror(-e));
	else
		log_notice(g->subject, "[address] announcing on %s works again",
		    g->config->interfaces[k]);
}

/*
 * Frame `i` of a round; the first are one for each address. An IPv6 address is
 * not usable as soon as it was added: clients that heard of it then would wait
 * a second for their next try. It is announced when it is.
 */
static void
announce(struct role_group *g, unsigned i)
{
	const unsigned k = garp_interface(g->config, i);

	if (i < g->config->n_addresses && !vip_is_usable(&g->vip, i))
		return;
	note_announced(
	    g, k, garp_send(g->role->packet, &g->vip.links[k], g->config, i));
}

/* What is due, and the timer for the rest. */
static void
announce_due(struct role_group *g)
{
	unsigned frame;

	while (garp_schedule_next(&g->schedule, g->lane, mono_now(), &frame))
		announce(g, frame);
	timeout_arm_at(g->role->loop, &g->frame,
	    garp_schedule_wake(&g->schedule, g->lane));
}

static void
on_frame(struct ev_loop *loop, ev_timer *w, int revents)
{
	announce_due(CONTAINER_OF(w, struct role_group, frame));
}

static struct garp_schedule_lane *
lane_of(struct role *role, unsigned index)
{
	const struct config_group *groups = role->config->pair.groups;
	unsigned first = 0;

	while (!config_group_shares(&groups[first], &groups[index]))
		first++;
	return &role->lanes[first];
}

/* Of all, in whatever order the file has them. */
static uint32_t
addresses_id(const struct config_group *c)
{
	char ip[ADDR_TEXT_MAX];
	uint32_t id = 0;

	for (size_t i = 0; i < c->n_addresses; i++)
		id += packet_auth_name_id(
		    addr_format_ip(&c->addresses[i].addr, ip));
	return id;
}

void
group_init(struct role *role, unsigned index, uint32_t id)
{
	struct role_group *g = &role->groups[index];
	const struct config_pair *pair = &role->config->pair;
	const uint32_t dead_ms = pair->interval_ms * pair->misses;
	/*
	 * A second is how long the kernel takes to ask again for a neighbour
	 * whose first answer was lost: until then our silence proves nothing.
	 */
	const struct election_config config = {
		.dead_ms = dead_ms,
		.listen_ms =
		    pair->interval_ms * 5 > 1000 ? pair->interval_ms * 5 : 1000,
		.doubt = { .hang_ms = pair->hang_ms,
		    .deaf_ms = pair->deaf_ms,
		    .askable = pair->n_witnesses > 0 },
		.priority = config_priority(pair, index, role->start.node),
		.wins_ties = addr_compare_ip(&role->self->address,
		                 &role->other->address) > 0,
		.preempt = pair->preempt,
		.preempt_delay_ms = pair->preempt_delay_ms,
	};

	g->role = role;
	g->index = index;
	g->config = &pair->groups[index];
	(void)snprintf(
	    g->subject, sizeof(g->subject), "group %s", g->config->name);
	g->vip = vip_init(
	    g->config, role->netlink, vip_lease_s(pair->hang_ms, dead_ms));
	node_add_group(&role->inbox.node, id,
	    config_group_is_near_any(g->config, &role->other->address), &config,
	    mono_now());
	for (unsigned k = 0; k < g->config->n_interfaces; k++)
		node_add_segment(&role->inbox.node,
		    heartbeat_segment_path(role, index, k),
		    config_group_place(g->config, k));
	node_set_addresses(&role->inbox.node, index, addresses_id(g->config));
	g->schedule = garp_schedule_idle();
	role->lanes[index] = garp_schedule_lane_init();
	g->lane = lane_of(role, index);
	ev_init(&g->frame, on_frame);
	g->conflict = address_conflict_none();
	g->told = (struct msg_group){ .group = (uint16_t)index,
		.state = MSG_GROUP_INIT,
		.priority = config.priority,
		.effective_priority = config.priority,
		.since_wall_ms = wall_clock_now_ms(),
		.decided_wall_ms = wall_clock_now_ms(),
		.reason = "started, listening for the peer" };
	g->supervisor_owes = g->relay_owes = true;
}

static bool
send_group(struct role_group *g, int channel)
{
	struct buf b = BUF_WRITER(CHANNEL_BODY_MAX);

	msg_put_group(&b, &g->told);
	return !b.bad &&
	    channel_send(channel, MSG_GROUP, b.data, b.pos, -1) == 0;
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
owe(struct role_group *g)
{
	g->supervisor_owes = g->relay_owes = true;
	group_tell(g);
}

static void
log_change(
    const struct role_group *g, const struct node_change *c, const char *reason)
{
	const char *was = election_state_name(c->was);
	const char *is = election_state_name(c->is);

	switch (reason_news(c->reason, c->was, c->is)) {
	case REASON_ROUTINE:
	case REASON_DOUBT:
	case REASON_HELD:
		log_notice(g->subject, "[group] %s -> %s, reason: %s", was, is,
		    reason);
		break;
	case REASON_STOPPED:
		log_notice(g->subject, "[takeover] %s -> %s, reason: %s", was,
		    is, reason);
		break;
	case REASON_TAKEOVER:
		log_warning(g->subject, "[takeover] %s -> %s, reason: %s", was,
		    is, reason);
		break;
	case REASON_FAULT:
		log_warning(g->subject, "[fault] %s -> %s, reason: %s", was, is,
		    reason);
		break;
	case REASON_CONFLICT:
		log_warning(g->subject, "[conflict] %s -> %s, reason: %s", was,
		    is, reason);
		break;
	}
}

static void
log_stay(
    const struct role_group *g, const struct node_change *c, const char *reason)
{
	const char *is = election_state_name(c->is);

	switch (reason_news(c->reason, c->was, c->is)) {
	case REASON_ROUTINE:
	case REASON_STOPPED:
	case REASON_TAKEOVER:
		log_notice(
		    g->subject, "[group] stays %s, reason: %s", is, reason);
		break;
	case REASON_FAULT:
		log_warning(
		    g->subject, "[fault] stays %s, reason: %s", is, reason);
		break;
	case REASON_CONFLICT:
		log_warning(
		    g->subject, "[conflict] stays %s, reason: %s", is, reason);
		break;
	case REASON_DOUBT:
		log_warning(
		    g->subject, "[doubt] stays %s, reason: %s", is, reason);
		break;
	case REASON_HELD:
		log_warning(
		    g->subject, "[pause] stays %s, reason: %s", is, reason);
		break;
	}
}

void
group_tell_change(struct role_group *g, const struct node_change *c)
{
	const struct election_out out = { .reason = c->reason,
		.silent_ms = c->silent_ms,
		.which = c->which };
	char subject[REASON_SUBJECT_MAX], text[REASON_TEXT_MAX];
	char ip[ADDR_TEXT_MAX];

	reason_subject(&out, &g->role->config->pair, g->config, subject);
	if (c->reason == ELECTION_ADDRESS_MISSING)
		reason_text(
		    &out, addr_format_ip(&g->role->self->address, ip), text);
	else
		reason_text(&out, subject, text);
	g->told.state = (enum msg_group_state)c->is;
	g->told.term = c->term;
	g->told.decided_wall_ms = wall_clock_now_ms();
	if (c->is != c->was) {
		g->told.transitions++;
		g->told.since_wall_ms = g->told.decided_wall_ms;
	}
	(void)snprintf(g->told.reason, sizeof(g->told.reason), "%s", text);
	owe(g);
	if (c->reason == ELECTION_CONFLICT || c->reason == ELECTION_PEER_SHOWS)
		address_conflict_note(
		    &g->conflict, c->reason == ELECTION_PEER_SHOWS, mono_now());
	if (c->is != c->was)
		log_change(g, c, text);
	else
		log_stay(g, c, text);
}

void
group_tell_priority(struct role_group *g, uint8_t before)
{
	g->told.effective_priority = role_stand(g)->election.priority;
	owe(g);
	log_notice(g->subject, "priority %u -> %u", before,
	    g->told.effective_priority);
}

void
group_tell_refused(struct role_group *g, uint32_t refused)
{
	char why[VIP_WHY_MAX] = "";
	size_t first = 0;

	g->told.refused = refused;
	while (refused != 0 && (refused >> first & 1) == 0)
		first++;
	if (refused != 0)
		(void)vip_why(&g->vip, first, why);
	(void)snprintf(
	    g->told.refused_reason, sizeof(g->told.refused_reason), "%s", why);
	owe(g);
}

void
group_announce_address(struct role_group *g, unsigned i)
{
	if (node_is_master(role_node(g->role), g->index))
		announce(g, i);
}

void
group_announce(struct role_group *g)
{
	garp_schedule_start(&g->schedule, garp_count(g->config),
	    (unsigned)g->config->n_addresses, mono_now());
	announce_due(g);
}

void
group_end_announcing(struct role_group *g)
{
	garp_schedule_stop(&g->schedule);
	ev_timer_stop(g->role->loop, &g->frame);
}

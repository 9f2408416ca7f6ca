#include "director/director_node.h"

#include "director/director_conns.h"
#include "director/director_hear.h"
#include "director/director_place.h"

#include <string.h>

void
director_node_init(struct director_node *d, struct mono now)
{
	const struct director_node_setup *setup = &d->setup;

	d->free = d->committing = d->young = slot_list_empty();
	d->n_young = 0;
	d->greeted = d->room = false;
	d->link = 0;
	d->births = 1; /* what is found was there before all cuts */
	d->n_cuts = 0;
	d->valve = (struct syn_valve){ 0 };
	d->now = now;
	replica_init(&d->replica, setup->paired, setup->n_groups);
	tuple_index_init(&d->index, setup->n_slots);
	timer_wheel_init(&d->wheel, setup->n_slots, now);
	client_count_init(&d->clients);
	for (unsigned g = 0; g < REPLICA_GROUPS; g++) {
		d->claimed[g] = now;
		d->cursors[g] = d->begins[g] = d->swept[g] = 0;
		d->late[g] = d->finishing[g] = false;
	}
	for (unsigned i = 0; i < setup->n_services; i++) {
		d->services[i].connections = 0;
		d->services[i].room = false;
		d->services[i].held = slot_list_empty();
	}
	for (uint32_t i = 0; i < setup->n_slots; i++) {
		d->slots[i] = (struct director_node_slot){
			.conn = kernel_conn_free(),
			.freed = mono_add_ms(now, -DIRECTOR_NODE_REST_MS),
			.their = DIRECTOR_NODE_NONE,
			.service = DIRECTOR_NODE_NONE,
			.server = DIRECTOR_NODE_NONE,
			.pool = DIRECTOR_NODE_NONE,
			.list = DIRECTOR_NODE_IN_FREE,
		};
		d->theirs[i] = DIRECTOR_NODE_NONE;
		slot_list_append(&d->free, d->links, i);
	}
}

/*
 * Of a connection that this node has, or the beginning of one. An entry that is
 * another client's by now is news of the past.
 */
static void
on_syn(struct director_node *d)
{
	const struct director_node_event *ev = d->ev;
	const uint32_t slot =
	    tuple_index_find(&d->index, CONN_TUPLE_CLIENT, &ev->tuple);
	struct kernel_conn_event k;

	if (slot == TUPLE_INDEX_NONE) {
		director_conns_begin(d);
		return;
	}
	k = director_conns_event(d, slot, KERNEL_CONN_SYN);
	k.same = ev->isn == d->slots[slot].isn &&
	    d->slots[slot].service != DIRECTOR_NODE_NONE;
	if (d->slots[slot].conn.written)
		d->calls->look(d->arg, slot, &k.seen);
	director_conns_settle(d, slot, k);
}

/*
 * Of a slot that the program names. What it says may be about the connection
 * before, which left the slot meanwhile: the flags of this moment count.
 */
static void
on_slot(struct director_node *d, enum kernel_conn_type type)
{
	struct kernel_conn_event k;

	if (d->ev->slot >= d->setup.n_slots)
		return;
	k = director_conns_event(d, d->ev->slot, type);
	k.reason = d->ev->reason;
	if (d->slots[d->ev->slot].conn.written)
		d->calls->look(d->arg, d->ev->slot, &k.seen);
	director_conns_settle(d, d->ev->slot, k);
}

static void
on_report(struct director_node *d)
{
	on_slot(d,
	    d->ev->type == DIRECTOR_NODE_CLOSED ? KERNEL_CONN_CLOSED
	                                        : KERNEL_CONN_REFUSED);
}

static void
cut(struct director_node *d, uint32_t slot, enum end_reason reason)
{
	struct kernel_conn_event k =
	    director_conns_event(d, slot, KERNEL_CONN_CUT);

	k.reason = reason;
	if (d->slots[slot].conn.written)
		d->calls->look(d->arg, slot, &k.seen);
	director_conns_settle(d, slot, k);
}

static bool
is_cut(const struct director_node *d, uint32_t slot,
    const struct director_node_cut *c)
{
	const struct director_node_slot *s = &d->slots[slot];

	return s->conn.state != KERNEL_CONN_FREE && s->service == c->service &&
	    (int32_t)(s->born - c->births) < 0 &&
	    (c->server == DIRECTOR_NODE_NONE ||
	        (s->conn.placed && s->server == c->server));
}

/* Some of the first, or with all the time there is all of it. */
static void
go_on_cutting(struct director_node *d, bool all)
{
	struct director_node_cut *c = &d->cuts[0];
	unsigned looks = 0, n = 0;

	for (; c->next < d->setup.n_slots; c->next++) {
		if (!all &&
		    (looks++ == DIRECTOR_NODE_LOOKS ||
		        n == DIRECTOR_NODE_CUT_PORTION))
			return;
		if (is_cut(d, c->next, c)) {
			cut(d, c->next, c->reason);
			n++;
		}
	}
	d->n_cuts--;
	for (unsigned i = 0; i < d->n_cuts; i++)
		d->cuts[i] = d->cuts[i + 1];
}

static void
on_cut(struct director_node *d)
{
	if (d->n_cuts == DIRECTOR_NODE_CUTS)
		go_on_cutting(d, true);
	d->cuts[d->n_cuts++] =
	    (struct director_node_cut){ .service = d->ev->service,
		    .server = d->ev->server,
		    .births = d->births,
		    .reason = d->ev->reason };
	if (d->n_cuts == 1)
		go_on_cutting(d, false);
}

/* It did not get into our maps: what the peer hears must not say it did. */
static void
on_failed(struct director_node *d)
{
	const struct director_node_slot *s = &d->slots[d->ev->slot];
	const bool mine = replica_is_mine(&d->replica, s->group);
	const struct director_node_effect e = { .type = DIRECTOR_NODE_HANG_UP,
		.slot = DIRECTOR_NODE_NONE,
		.why = DIRECTOR_NODE_MAPS_FULL };

	on_slot(d, KERNEL_CONN_FAILED);
	if (mine)
		return;
	d->calls->put(d->arg, &e);
	director_hear_link_down(d);
}

static void
on_server(struct director_node *d)
{
	struct director_node_service *v = &d->services[d->ev->service];
	struct server_choice_server *k = &v->choice.servers[d->ev->server];
	const bool moved = k->port != d->ev->said.port ||
	    memcmp(k->ip, d->ev->said.ip, sizeof(k->ip)) != 0;

	*k = d->ev->said;
	if (moved)
		director_place_meet(d, d->ev->service, d->ev->server);
	v->room = d->room = true;
}

/*
 * A peer whose death is the reason is not waited for, whatever its stream says:
 * new clients come at once, and TCP knows of it after minutes.
 */
static void
on_peer_dead(struct director_node *d)
{
	const struct director_node_effect e = { .type = DIRECTOR_NODE_HANG_UP,
		.slot = DIRECTOR_NODE_NONE,
		.why = DIRECTOR_NODE_PEER_IS_DEAD };

	if (d->greeted)
		d->calls->put(d->arg, &e);
	director_hear_link_down(d);
}

/*
 * Connections are as they were on the other node: nothing is done about them.
 * Where this node owned the group already packets may have gone elsewhere in
 * the meantime: what is withheld rests on what was seen here.
 */
static void
on_claim(struct director_node *d)
{
	const struct replica_event claim = { .type = REPLICA_CLAIM,
		.term = d->ev->term };
	const struct director_node_effect tickle = {
		.type = DIRECTOR_NODE_TICKLE_ALL,
		.slot = DIRECTOR_NODE_NONE,
		.group = d->ev->group
	};

	if (d->ev->peer_dead)
		on_peer_dead(d);
	d->claimed[d->ev->group] = d->now;
	director_conns_release(d, d->ev->group);
	director_hear_step(d, d->ev->group, &claim);
	if (d->ev->peer_dead)
		d->calls->put(d->arg, &tickle);
}

/*
 * First of all nothing is timed any more: a retry from here would move what is
 * the peer's by now. That follows from what the replica says of `mine`.
 */
static void
on_release(struct director_node *d)
{
	const struct replica_event release = { .type = REPLICA_RELEASE };
	const struct director_node_effect released = {
		.type = DIRECTOR_NODE_RELEASED,
		.slot = DIRECTOR_NODE_NONE,
		.group = d->ev->group
	};

	director_hear_step(d, d->ev->group, &release);
	d->calls->put(d->arg, &released);
}

static void
on_tick(struct director_node *d)
{
	uint32_t slot;

	if (d->n_cuts > 0)
		go_on_cutting(d, false);
	for (unsigned i = 0; i < DIRECTOR_NODE_PORTION; i++) {
		struct kernel_conn_event k;

		slot = timer_wheel_next(&d->wheel, d->now);
		if (slot == SLOT_LIST_NONE)
			return;
		if (mono_before(d->now, d->slots[slot].conn.deadline)) {
			timer_wheel_set(
			    &d->wheel, slot, d->slots[slot].conn.deadline);
			continue;
		}
		k = director_conns_event(d, slot, KERNEL_CONN_LOOK);
		if (d->slots[slot].conn.written)
			d->calls->look(d->arg, slot, &k.seen);
		director_conns_settle(d, slot, k);
	}
}

static void
dispatch(struct director_node *d, const struct director_node_event *ev)
{
	switch (ev->type) {
	case DIRECTOR_NODE_SYN:
		on_syn(d);
		break;
	case DIRECTOR_NODE_REFUSED:
	case DIRECTOR_NODE_CLOSED:
		on_report(d);
		break;
	case DIRECTOR_NODE_TICK:
		on_tick(d);
		break;
	case DIRECTOR_NODE_FAILED:
		on_failed(d);
		break;
	case DIRECTOR_NODE_SERVER:
		on_server(d);
		break;
	case DIRECTOR_NODE_CUT:
		on_cut(d);
		break;
	case DIRECTOR_NODE_TURN_AWAY:
		director_conns_turn_away(d, ev->service);
		break;
	case DIRECTOR_NODE_KILL:
		cut(d, ev->slot, ev->reason);
		break;
	case DIRECTOR_NODE_CLAIM:
		on_claim(d);
		break;
	case DIRECTOR_NODE_RELEASE:
		on_release(d);
		break;
	case DIRECTOR_NODE_KNOW:
		replica_know(&d->replica, ev->group, ev->term);
		break;
	case DIRECTOR_NODE_LINK_UP:
		director_hear_link_up(d);
		break;
	case DIRECTOR_NODE_LINK_DOWN:
		director_hear_link_down(d);
		break;
	case DIRECTOR_NODE_PEER_DEAD:
		on_peer_dead(d);
		break;
	case DIRECTOR_NODE_HEARD:
		director_hear_msg(d, ev->msg);
		break;
	case DIRECTOR_NODE_READ_ALL:
		director_hear_read_all(d);
		break;
	case DIRECTOR_NODE_FORGET:
		director_hear_forget(d, ev->group);
		break;
	case DIRECTOR_NODE_CAN_SEND:
		director_hear_dump(d);
		break;
	}
}

/* Those who are too late, and the places that came free: no step is under way.
 */
static void
follow_up(struct director_node *d)
{
	const struct replica_event late = { .type = REPLICA_LATE };

	for (unsigned g = 0; g < d->setup.n_groups; g++) {
		if (d->late[g])
			director_hear_step(d, g, &late);
		d->late[g] = false;
	}
	if (!d->room)
		return;
	d->room = false;
	for (unsigned i = 0; i < d->setup.n_services; i++) {
		if (d->services[i].room && d->services[i].held.n > 0)
			director_conns_offer(d, i);
		d->services[i].room = false;
	}
}

static void
turn_valve(struct director_node *d)
{
	const struct syn_valve_load load = { .young = d->n_young,
		.slots = d->free.n };
	const bool was_open = d->valve.open;
	const struct director_node_effect e = { .type = DIRECTOR_NODE_VALVE,
		.slot = DIRECTOR_NODE_NONE,
		.open =
		    syn_valve_look(&d->valve, &d->setup.valve, &load, d->now) };

	if (e.open != was_open)
		d->calls->put(d->arg, &e);
}

void
director_node_step(struct director_node *d,
    const struct director_node_event *ev, struct mono now)
{
	d->ev = ev;
	d->now = now;
	d->draws = 0;
	dispatch(d, ev);
	follow_up(d);
	turn_valve(d);
	d->ev = NULL;
}

struct mono
director_node_wake(const struct director_node *d)
{
	const struct mono wake =
	    d->n_cuts > 0 ? d->now : timer_wheel_wake(&d->wheel);

	return d->valve.open
	    ? mono_min(wake, mono_add_ms(d->now, KERNEL_CONN_LOOK_MS))
	    : wake;
}

bool
director_node_is_dumping(const struct director_node *d)
{
	for (unsigned g = 0; g < d->setup.n_groups; g++)
		if (d->replica.groups[g].state == REPLICA_DUMPING ||
		    d->finishing[g])
			return true;
	return false;
}

struct director_node_count
director_node_count(const struct director_node *d, unsigned group)
{
	struct director_node_count n = { 0 };

	for (uint32_t i = 0; i < d->setup.n_slots; i++) {
		const struct director_node_slot *s = &d->slots[i];

		if (!s->conn.written || s->group != group)
			continue;
		n.connections++;
		if (replica_is_protected(&d->replica, group, s->seq))
			n.protected ++;
	}
	return n;
}

uint32_t
director_node_count_left(const struct director_node *d)
{
	uint32_t n = d->setup.n_slots - d->free.n;

	for (unsigned i = 0; i < d->setup.n_services; i++)
		n -= d->services[i].connections + d->services[i].held.n;
	return n;
}

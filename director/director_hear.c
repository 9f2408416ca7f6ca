#include "director/director_hear.h"

#include "director/director_conns.h"

static void
hang_up(struct director_node *d, enum director_node_hang_up why)
{
	const struct director_node_effect e = { .type = DIRECTOR_NODE_HANG_UP,
		.slot = DIRECTOR_NODE_NONE,
		.why = why };

	d->calls->put(d->arg, &e);
	director_hear_link_down(d);
}

static void
send_of(
    const struct director_node *d, enum replica_msg_type type, unsigned group)
{
	const struct replica_msg m = { .type = type,
		.group = (uint8_t)group,
		.term = d->replica.groups[group].term,
		.seq = d->replica.groups[group].first_seq };

	director_conns_send(d, &m);
}

static void
refuse(struct director_node *d, unsigned group)
{
	const struct replica_msg m = { .type = REPLICA_MSG_REFUSE,
		.group = (uint8_t)group,
		.term = d->replica.groups[group].term,
		.seq = d->replica.groups[group].heard_begin };

	if (replica_refuse(&d->replica, group))
		director_conns_send(d, &m);
}

void
director_hear_step(
    struct director_node *d, unsigned group, const struct replica_event *ev)
{
	struct replica_out out;

	replica_step(&d->replica, group, ev, &out);
	for (unsigned i = 0; i < out.n_actions; i++)
		switch (out.actions[i]) {
		case REPLICA_BEGIN:
			d->cursors[group] = 0;
			send_of(d, REPLICA_MSG_BEGIN, group);
			break;
		case REPLICA_WANT:
			send_of(d, REPLICA_MSG_WANT, group);
			break;
		case REPLICA_COMMIT:
			director_conns_commit(d, group);
			break;
		case REPLICA_REJECT:
			director_conns_release(d, group);
			break;
		}
}

void
director_hear_step_all(struct director_node *d, enum replica_type type)
{
	const struct replica_event ev = { .type = type };

	for (unsigned g = 0; g < d->setup.n_groups; g++)
		director_hear_step(d, g, &ev);
}

void
director_hear_link_up(struct director_node *d)
{
	const struct replica_msg hello = { .type = REPLICA_MSG_HELLO,
		.version = REPLICA_MSG_VERSION,
		.node = d->setup.self,
		.slots = d->setup.n_slots };

	/* One that we have not heard the end of. */
	director_hear_link_down(d);
	director_conns_send(d, &hello);
}

void
director_hear_link_down(struct director_node *d)
{
	d->greeted = d->replica.linked = false;
	d->replica.heard = d->replica.heard_told = 0;
	d->link++; /* and no name is good any more */
	for (unsigned g = 0; g < d->setup.n_groups; g++)
		d->finishing[g] = false;
	director_hear_step_all(d, REPLICA_LINK_DOWN);
}

/* What one has must fit into the other, and ports must not be the same ones. */
static void
hear_hello(struct director_node *d, const struct replica_msg *m)
{
	if (d->greeted) {
		hang_up(d, DIRECTOR_NODE_MISBEHAVES);
		return;
	}
	if (m->node == d->setup.self || m->slots != d->setup.n_slots) {
		hang_up(d, DIRECTOR_NODE_MISMATCH);
		return;
	}
	d->greeted = d->replica.linked = true;
	director_hear_step_all(d, REPLICA_LINK_UP);
}

static void
delete_slot(struct director_node *d, uint32_t slot)
{
	director_conns_settle(
	    d, slot, director_conns_event(d, slot, KERNEL_CONN_DELETED));
}

/* All that we have of the group is in doubt until it is told. */
static void
hear_begin(struct director_node *d, const struct replica_msg *m)
{
	const struct replica_event later = { .type = REPLICA_REFUSED,
		.term = m->term };
	const uint64_t own = d->replica.groups[m->group].term;

	if (!replica_hear_begin(&d->replica, m->group, m->term, m->seq)) {
		refuse(d, m->group);
		/* The peer has claimed, and we are told to let go in a moment.
		 */
		if (m->term > own)
			director_hear_step(d, m->group, &later);
		return;
	}
	d->begins[m->group]++;
	d->finishing[m->group] = false;
}

/* Our slot for it, where it is here as the peer has it; or NONE. */
static uint32_t
find_known(const struct director_node *d, const struct replica_msg *m)
{
	const uint32_t slot =
	    tuple_index_find(&d->index, CONN_TUPLE_CLIENT, &m->client);

	if (slot == TUPLE_INDEX_NONE || d->slots[slot].group != m->group ||
	    !d->slots[slot].conn.written ||
	    !conn_tuple_is_same(&m->server,
	        tuple_index_get(&d->index, slot, CONN_TUPLE_SERVER)))
		return DIRECTOR_NODE_NONE;
	return slot;
}

/* False: it is of a group that the peer does not own. */
static bool
clear(struct director_node *d, uint32_t slot)
{
	if (slot == DIRECTOR_NODE_NONE)
		return true;
	if (replica_is_mine(&d->replica, d->slots[slot].group))
		return false;
	delete_slot(d, slot);
	return true;
}

/*
 * Whatever has its addresses, or its slot at the peer, is over: the peer would
 * have said so, and the stream was cut. Its entries go before those that take
 * their place come, or they would take these along.
 */
static bool
make_room(struct director_node *d, const struct replica_msg *m)
{
	return clear(d,
	           tuple_index_find(
	               &d->index, CONN_TUPLE_CLIENT, &m->client)) &&
	    clear(d,
	        tuple_index_find(&d->index, CONN_TUPLE_SERVER, &m->server)) &&
	    clear(d, director_conns_named(d, m->slot));
}

/* Each node has slots of its own: only the peer's names for them are kept. */
static void
hear_add(struct director_node *d, const struct replica_msg *m)
{
	uint32_t slot;

	if (m->slot >= d->setup.n_slots) {
		hang_up(d, DIRECTOR_NODE_MISBEHAVES);
		return;
	}
	slot = find_known(d, m);
	d->replica.heard = m->seq;
	if (slot != DIRECTOR_NODE_NONE) {
		const uint32_t named = director_conns_named(d, m->slot);

		if (named != slot && !clear(d, named)) {
			hang_up(d, DIRECTOR_NODE_MISBEHAVES);
			return;
		}
		director_conns_name(d, slot, m->slot);
		d->slots[slot].begun = d->begins[m->group];
		d->slots[slot].isn = m->isn;
		return;
	}
	if (!make_room(d, m))
		hang_up(d, DIRECTOR_NODE_MISBEHAVES);
	else if (!director_conns_inherit(d, m))
		hang_up(d, DIRECTOR_NODE_MAPS_FULL);
}

static void
hear_del(struct director_node *d, const struct replica_msg *m)
{
	uint32_t slot;

	if (m->slot >= d->setup.n_slots) {
		hang_up(d, DIRECTOR_NODE_MISBEHAVES);
		return;
	}
	slot = director_conns_named(d, m->slot);
	if (slot != DIRECTOR_NODE_NONE && d->slots[slot].group == m->group)
		delete_slot(d, slot);
}

/* Some of what the peer has not told of: it is over. */
static void
sweep(struct director_node *d, unsigned group)
{
	uint32_t *at = &d->swept[group];
	unsigned looks = 0, n = 0;

	for (; *at < d->setup.n_slots; (*at)++) {
		if (looks++ == DIRECTOR_NODE_LOOKS ||
		    n == DIRECTOR_NODE_PORTION)
			return;
		if (d->slots[*at].group == group &&
		    director_conns_is_stale(d, *at)) {
			delete_slot(d, *at);
			n++;
		}
	}
	d->finishing[group] = false;
}

static void
hear_finish(struct director_node *d, const struct replica_msg *m)
{
	d->replica.heard = m->seq;
	d->finishing[m->group] = true;
	d->swept[m->group] = 0;
	sweep(d, m->group);
}

/* ADD, DEL and FINISH are an owner's. */
static void
hear_owner(struct director_node *d, const struct replica_msg *m)
{
	if (!replica_believes(&d->replica, m->group))
		refuse(d, m->group);
	else if (m->type == REPLICA_MSG_ADD)
		hear_add(d, m);
	else if (m->type == REPLICA_MSG_DEL)
		hear_del(d, m);
	else
		hear_finish(d, m);
}

/*
 * Our word that it knows: what has waited for it goes on. Nothing that it says
 * of a stream before this one gets here: it says hello first.
 */
static void
hear_ack(struct director_node *d, const struct replica_msg *m)
{
	if (!replica_ack(&d->replica, m->seq)) {
		hang_up(d, DIRECTOR_NODE_MISBEHAVES);
		return;
	}
	director_conns_commit_until(d, d->replica.acked);
	director_hear_step_all(d, REPLICA_ACKED);
}

/* Our file does not have the group: nobody shall think that we know of it. */
static void
refuse_unknown(const struct director_node *d, const struct replica_msg *m)
{
	const struct replica_msg no = {
		.type = REPLICA_MSG_REFUSE, .group = m->group, .seq = m->seq
	};

	if (m->type == REPLICA_MSG_BEGIN)
		director_conns_send(d, &no);
}

static void
hear_of_group(struct director_node *d, const struct replica_msg *m)
{
	struct replica_event ev = { .term = m->term, .seq = m->seq };

	if (m->group >= d->setup.n_groups) {
		refuse_unknown(d, m);
		return;
	}
	switch (m->type) {
	case REPLICA_MSG_WANT:
		ev.type = REPLICA_WANTED;
		director_hear_step(d, m->group, &ev);
		break;
	case REPLICA_MSG_REFUSE:
		ev.type = REPLICA_REFUSED;
		director_hear_step(d, m->group, &ev);
		break;
	case REPLICA_MSG_BEGIN:
		hear_begin(d, m);
		break;
	case REPLICA_MSG_ADD:
	case REPLICA_MSG_DEL:
	case REPLICA_MSG_FINISH:
		hear_owner(d, m);
		break;
	case REPLICA_MSG_UNKNOWN: /* these are of no group */
	case REPLICA_MSG_HELLO:
	case REPLICA_MSG_ACK:
		break;
	}
}

void
director_hear_msg(struct director_node *d, const struct replica_msg *m)
{
	switch (m->type) {
	case REPLICA_MSG_UNKNOWN:
		break;
	case REPLICA_MSG_HELLO:
		hear_hello(d, m);
		break;
	case REPLICA_MSG_ACK:
		if (d->greeted)
			hear_ack(d, m);
		break;
	case REPLICA_MSG_WANT:
	case REPLICA_MSG_BEGIN:
	case REPLICA_MSG_ADD:
	case REPLICA_MSG_DEL:
	case REPLICA_MSG_FINISH:
	case REPLICA_MSG_REFUSE:
		if (d->greeted)
			hear_of_group(d, m);
		break;
	}
}

/* Who has FINISH confirmed is told that we have what there is, and no more. */
static bool
is_finishing(const struct director_node *d)
{
	for (unsigned g = 0; g < d->setup.n_groups; g++)
		if (d->finishing[g])
			return true;
	return false;
}

void
director_hear_read_all(struct director_node *d)
{
	const struct replica_msg ack = { .type = REPLICA_MSG_ACK,
		.seq = d->replica.heard };

	if (d->replica.heard == d->replica.heard_told || is_finishing(d))
		return;
	d->replica.heard_told = d->replica.heard;
	director_conns_send(d, &ack);
}

/* What was told already, since the dump began, need not be told again. */
static bool
is_to_be_told(const struct director_node *d, uint32_t slot, unsigned group)
{
	const struct director_node_slot *s = &d->slots[slot];

	return s->conn.written && s->group == group &&
	    !replica_is_told(&d->replica, group, s->seq);
}

static void
dump(struct director_node *d, unsigned group)
{
	struct replica_event dumped = { .type = REPLICA_DUMPED };
	struct replica_msg m = { .type = REPLICA_MSG_FINISH,
		.group = (uint8_t)group };
	uint32_t *at = &d->cursors[group];

	for (unsigned told = 0, looks = 0; *at < d->setup.n_slots; (*at)++) {
		if (told == DIRECTOR_NODE_PORTION ||
		    looks++ == DIRECTOR_NODE_LOOKS)
			return;
		if (is_to_be_told(d, *at, group)) {
			director_conns_tell(d, *at);
			told++;
		}
	}
	m.seq = dumped.seq = replica_number(&d->replica);
	director_conns_send(d, &m);
	director_hear_step(d, group, &dumped);
}

void
director_hear_dump(struct director_node *d)
{
	for (unsigned g = 0; g < d->setup.n_groups; g++) {
		if (d->replica.groups[g].state == REPLICA_DUMPING)
			dump(d, g);
		if (!d->finishing[g])
			continue;
		sweep(d, g);
		if (!d->finishing[g])
			director_hear_read_all(d);
	}
}

void
director_hear_forget(struct director_node *d, unsigned group)
{
	unsigned n = 0;

	if (replica_is_mine(&d->replica, group) ||
	    replica_believes(&d->replica, group))
		return;
	for (uint32_t i = 0; i < d->setup.n_slots && n < DIRECTOR_NODE_PORTION;
	     i++)
		if (d->slots[i].group == group &&
		    d->slots[i].conn.state != KERNEL_CONN_FREE) {
			delete_slot(d, i);
			n++;
		}
}

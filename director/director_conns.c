#include "director/director_conns.h"

#include "director/director_place.h"

static void
put(const struct director_node *d, const struct director_node_effect *e)
{
	d->calls->put(d->arg, e);
}

static void
put_of(const struct director_node *d, enum director_node_effect_type type,
    uint32_t slot)
{
	const struct director_node_effect e = { .type = type, .slot = slot };

	put(d, &e);
}

void
director_conns_send(const struct director_node *d, const struct replica_msg *m)
{
	const struct director_node_effect e = { .type = DIRECTOR_NODE_SEND,
		.slot = DIRECTOR_NODE_NONE,
		.msg = *m };

	put(d, &e);
}

static const struct kernel_conn_rules *
rules_of(const struct director_node *d, const struct director_node_slot *s)
{
	/* Of a service that this file does not have: it goes on to its end. */
	static const struct kernel_conn_rules none = { .connect_ms = 5000,
		.half_closed_ms = 60000,
		.keepalive_ms = 60000 };

	return s->service == DIRECTOR_NODE_NONE
	    ? &none
	    : &d->services[s->service].rules;
}

struct kernel_conn_event
director_conns_event(
    const struct director_node *d, uint32_t slot, enum kernel_conn_type type)
{
	const struct director_node_slot *s = &d->slots[slot];

	return (struct kernel_conn_event){ .type = type,
		.mine = replica_decides(&d->replica, s->group),
		.claimed = d->claimed[s->group] };
}

static struct slot_list *
list_of(struct director_node *d, const struct director_node_slot *s)
{
	switch (s->list) {
	case DIRECTOR_NODE_IN_NONE:
		break;
	case DIRECTOR_NODE_IN_FREE:
		return &d->free;
	case DIRECTOR_NODE_IN_HELD:
		return &d->services[s->service].held;
	case DIRECTOR_NODE_IN_COMMITTING:
		return &d->committing;
	case DIRECTOR_NODE_IN_YOUNG:
		return &d->young;
	}
	return NULL;
}

static enum director_node_list
list_for(enum kernel_conn_state state)
{
	switch (state) {
	case KERNEL_CONN_FREE:
		return DIRECTOR_NODE_IN_FREE;
	case KERNEL_CONN_HELD:
		return DIRECTOR_NODE_IN_HELD;
	case KERNEL_CONN_COMMITTING:
		return DIRECTOR_NODE_IN_COMMITTING;
	case KERNEL_CONN_CONNECTING:
	case KERNEL_CONN_SILENT:
		return DIRECTOR_NODE_IN_YOUNG;
	case KERNEL_CONN_OPEN:
	case KERNEL_CONN_DOUBTED:
		break;
	}
	return DIRECTOR_NODE_IN_NONE;
}

static void
count_young(struct director_node *d, uint32_t slot)
{
	struct director_node_slot *s = &d->slots[slot];
	const bool young = s->list != DIRECTOR_NODE_IN_NONE &&
	    s->list != DIRECTOR_NODE_IN_FREE;

	if (young == s->counted_young)
		return;
	s->counted_young = young;
	d->n_young += young ? 1U : -1U;
	client_count_add(&d->clients, s->service,
	    tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT)->src, 0,
	    young ? 1 : -1);
}

/* The list that it is in, and when it is looked at, follow from its state. */
static void
file(struct director_node *d, uint32_t slot)
{
	struct director_node_slot *s = &d->slots[slot];
	const enum director_node_list to = list_for(s->conn.state);

	timer_wheel_set(&d->wheel, slot, s->conn.deadline);
	if (to == s->list)
		return;
	if (s->list != DIRECTOR_NODE_IN_NONE)
		slot_list_remove(list_of(d, s), d->links, slot);
	s->list = to;
	if (to != DIRECTOR_NODE_IN_NONE)
		slot_list_append(list_of(d, s), d->links, slot);
	count_young(d, slot);
}

/* Entries, place and port: what `before` had. */
static void
leave(struct director_node *d, uint32_t slot, const struct kernel_conn *before,
    bool quarantine)
{
	const struct director_node_effect erase = { .type = DIRECTOR_NODE_ERASE,
		.slot = slot,
		.client = *tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT),
		.server =
		    *tuple_index_get(&d->index, slot, CONN_TUPLE_SERVER) };

	if (before->written)
		put(d, &erase);
	if (before->placed)
		director_place_leave(d, slot, quarantine);
}

static void
forget(struct director_node *d, uint32_t slot)
{
	struct director_node_slot *s = &d->slots[slot];
	const struct replica_msg del = {
		.type = REPLICA_MSG_DEL, .group = s->group, .slot = slot
	};

	if (replica_is_told(&d->replica, s->group, s->seq))
		director_conns_send(d, &del);
	s->seq = 0;
}

uint32_t
director_conns_their(const struct director_node *d, uint32_t slot)
{
	const struct director_node_slot *s = &d->slots[slot];

	return s->link == d->link ? s->their : DIRECTOR_NODE_NONE;
}

uint32_t
director_conns_named(const struct director_node *d, uint32_t their)
{
	const uint32_t slot = d->theirs[their];

	return slot != DIRECTOR_NODE_NONE &&
	        director_conns_their(d, slot) == their
	    ? slot
	    : DIRECTOR_NODE_NONE;
}

void
director_conns_name(struct director_node *d, uint32_t slot, uint32_t their)
{
	struct director_node_slot *s = &d->slots[slot];
	const uint32_t was = director_conns_their(d, slot);

	if (was != DIRECTOR_NODE_NONE && d->theirs[was] == slot)
		d->theirs[was] = DIRECTOR_NODE_NONE;
	s->their = their;
	s->link = d->link;
	if (their != DIRECTOR_NODE_NONE)
		d->theirs[their] = slot;
}

bool
director_conns_is_stale(const struct director_node *d, uint32_t slot)
{
	const struct director_node_slot *s = &d->slots[slot];

	return s->conn.state != KERNEL_CONN_FREE &&
	    s->begun != d->begins[s->group];
}

/* The slot is nobody's; file() puts it to the free ones. */
static void
drop(struct director_node *d, uint32_t slot, const struct kernel_conn *before,
    bool quarantine)
{
	struct director_node_slot *s = &d->slots[slot];

	leave(d, slot, before, quarantine);
	forget(d, slot);
	file(d, slot); /* while it is known whose it was */
	client_count_add(&d->clients, s->service,
	    tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT)->src, -1, 0);
	tuple_index_unset(&d->index, slot, CONN_TUPLE_CLIENT);
	s->conn = kernel_conn_free();
	s->service = DIRECTOR_NODE_NONE;
	s->freed = d->now;
	director_conns_name(d, slot, DIRECTOR_NODE_NONE);
}

void
director_conns_tell(struct director_node *d, uint32_t slot)
{
	struct director_node_slot *s = &d->slots[slot];
	struct replica_msg add = { .type = REPLICA_MSG_ADD,
		.group = s->group,
		.slot = slot,
		.isn = s->isn,
		.client = *tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT),
		.server =
		    *tuple_index_get(&d->index, slot, CONN_TUPLE_SERVER) };

	if (!replica_tells(&d->replica, s->group)) {
		s->seq = 0;
		return;
	}
	add.seq = s->seq = replica_number(&d->replica);
	director_conns_send(d, &add);
}

static void
write_entries(struct director_node *d, uint32_t slot)
{
	const struct director_node_slot *s = &d->slots[slot];
	const bool inherited = s->conn.inherited;
	const struct director_node_effect e = { .type = DIRECTOR_NODE_WRITE,
		.slot = slot,
		.inherited = inherited,
		/* Who is inherited has spoken, as far as anybody knows. */
		.first_byte = !inherited && rules_of(d, s)->first_byte_ms > 0,
		.client = *tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT),
		.server =
		    *tuple_index_get(&d->index, slot, CONN_TUPLE_SERVER) };

	put(d, &e);
}

static void
keep(struct director_node *d, uint32_t slot)
{
	d->slots[slot].isn = d->ev->isn;
	put_of(d, DIRECTOR_NODE_KEEP, slot);
}

static void
put_end(const struct director_node *d, uint32_t slot, enum end_reason reason)
{
	const struct director_node_effect e = {
		.type = DIRECTOR_NODE_ENDED, .slot = slot, .reason = reason
	};

	put(d, &e);
}

/* Actions that are one effect each. */
static const enum director_node_effect_type plain[] = {
	[KERNEL_CONN_EMIT] = DIRECTOR_NODE_EMIT,
	[KERNEL_CONN_PASS_ON] = DIRECTOR_NODE_PASS_ON,
	[KERNEL_CONN_LET_PASS] = DIRECTOR_NODE_LET_PASS,
	[KERNEL_CONN_GO_ON] = DIRECTOR_NODE_GO_ON,
	[KERNEL_CONN_ANEW] = DIRECTOR_NODE_ANEW,
	[KERNEL_CONN_TICKLE] = DIRECTOR_NODE_TICKLE,
	[KERNEL_CONN_ASK_CLIENT] = DIRECTOR_NODE_ASK_CLIENT,
	[KERNEL_CONN_ACCUSE] = DIRECTOR_NODE_ACCUSE,
	[KERNEL_CONN_RESET_CLIENT] = DIRECTOR_NODE_RESET_CLIENT,
	[KERNEL_CONN_RESET_SERVER] = DIRECTOR_NODE_RESET_SERVER,
	[KERNEL_CONN_RESET_BOTH] = DIRECTOR_NODE_RESET_BOTH,
};

/* One action; true: the machine has an answer to hear, in `ev`. */
static bool
carry_out(struct director_node *d, uint32_t slot,
    enum kernel_conn_action action, const struct kernel_conn *before,
    const struct kernel_conn_out *out, struct kernel_conn_event *ev)
{
	switch (action) {
	case KERNEL_CONN_CHOOSE:
		*ev = director_place_choose(d, slot);
		return true;
	case KERNEL_CONN_TELL:
		director_conns_tell(d, slot);
		*ev = director_conns_event(d, slot, KERNEL_CONN_CONFIRMED);
		return !replica_waits(&d->replica, d->slots[slot].group);
	case KERNEL_CONN_KEEP:
		keep(d, slot);
		break;
	case KERNEL_CONN_FORGET:
		forget(d, slot);
		break;
	case KERNEL_CONN_LATE:
		d->late[d->slots[slot].group] = true;
		break;
	case KERNEL_CONN_WRITE:
		write_entries(d, slot);
		break;
	case KERNEL_CONN_LEAVE:
		leave(d, slot, before, out->quarantine);
		break;
	case KERNEL_CONN_END:
		put_end(d, slot, out->reason);
		break;
	case KERNEL_CONN_DROP:
		drop(d, slot, before, out->quarantine);
		break;
	case KERNEL_CONN_AGAIN:
		director_conns_begin(d);
		break;
	case KERNEL_CONN_EMIT:
	case KERNEL_CONN_PASS_ON:
	case KERNEL_CONN_LET_PASS:
	case KERNEL_CONN_GO_ON:
	case KERNEL_CONN_ANEW:
	case KERNEL_CONN_TICKLE:
	case KERNEL_CONN_ASK_CLIENT:
	case KERNEL_CONN_ACCUSE:
	case KERNEL_CONN_RESET_CLIENT:
	case KERNEL_CONN_RESET_SERVER:
	case KERNEL_CONN_RESET_BOTH:
		put_of(d, plain[action], slot);
		break;
	}
	return false;
}

void
director_conns_settle(
    struct director_node *d, uint32_t slot, struct kernel_conn_event ev)
{
	struct director_node_slot *s = &d->slots[slot];
	bool more = true;

	while (more) {
		const struct kernel_conn before = s->conn;
		struct kernel_conn_out out;

		s->conn = kernel_conn_step(
		    &before, &ev, rules_of(d, s), d->now, &out);
		more = false;
		/* Filed before it is told: those that wait are in order. */
		if (s->conn.state != KERNEL_CONN_FREE)
			file(d, slot);
		for (unsigned i = 0; i < out.n_actions; i++)
			more = carry_out(
			    d, slot, out.actions[i], &before, &out, &ev);
	}
}

/* A free one that has rested, or NONE. */
static uint32_t
free_slot(const struct director_node *d)
{
	const uint32_t slot = d->free.first;

	if (slot == SLOT_LIST_NONE ||
	    mono_before(d->now,
	        mono_add_ms(d->slots[slot].freed, DIRECTOR_NODE_REST_MS)))
		return DIRECTOR_NODE_NONE;
	return slot;
}

static void
reject_syn(const struct director_node *d)
{
	const struct director_node_effect e = { .type = DIRECTOR_NODE_REJECT,
		.slot = DIRECTOR_NODE_NONE,
		.client = d->ev->tuple };

	put(d, &e);
}

/* What can't be had is not answered: the client asks again after a second. */
void
director_conns_begin(struct director_node *d)
{
	const struct director_node_listen *l = &d->listens[d->ev->listen];
	const struct director_node_service *v = &d->services[l->service];
	const struct client_count_numbers has =
	    client_count_look(&d->clients, l->service, d->ev->tuple.src);
	const uint32_t slot = free_slot(d);
	struct director_node_slot *s;

	if (!replica_decides(&d->replica, l->group))
		return;
	if (v->max_per_client > 0 && has.open >= v->max_per_client) {
		reject_syn(d);
		return;
	}
	if (d->setup.young_per_client > 0 &&
	    has.young >= d->setup.young_per_client)
		return;
	if (slot == DIRECTOR_NODE_NONE)
		return;
	s = &d->slots[slot];
	s->service = l->service;
	s->group = (uint8_t)l->group;
	s->begun = d->begins[l->group];
	s->born = d->births++;
	s->seq = 0;
	tuple_index_set(&d->index, slot, CONN_TUPLE_CLIENT, &d->ev->tuple);
	client_count_add(&d->clients, s->service, d->ev->tuple.src, 1, 0);
	director_conns_settle(
	    d, slot, director_conns_event(d, slot, KERNEL_CONN_SYN));
}

bool
director_conns_inherit(struct director_node *d, const struct replica_msg *add)
{
	const uint32_t slot = d->free.first;
	struct director_node_slot *s;
	struct kernel_conn_event ev;

	if (slot == SLOT_LIST_NONE)
		return false;
	s = &d->slots[slot];
	director_conns_name(d, slot, add->slot);

	s->service = director_place_service(d, &add->client);
	s->server = s->pool = DIRECTOR_NODE_NONE;
	s->group = add->group;
	s->isn = add->isn;
	s->seq = 0;
	s->begun = d->begins[add->group];
	s->born = d->births++;
	s->port = add->server.dport;
	tuple_index_set(&d->index, slot, CONN_TUPLE_CLIENT, &add->client);
	tuple_index_set(&d->index, slot, CONN_TUPLE_SERVER, &add->server);
	client_count_add(&d->clients, s->service, add->client.src, 1, 0);
	director_place_inherit(d, slot);
	ev = director_conns_event(d, slot, KERNEL_CONN_ADDED);
	ev.server = (uint16_t)s->server;
	director_conns_settle(d, slot, ev);
	return true;
}

static void
feed(struct director_node *d, uint32_t slot, enum kernel_conn_type type)
{
	director_conns_settle(d, slot, director_conns_event(d, slot, type));
}

/* All of a list that are the group's; feeding one takes it out, or not. */
static void
feed_list(struct director_node *d, const struct slot_list *l, unsigned group,
    enum kernel_conn_type type)
{
	uint32_t next;

	for (uint32_t i = l->first; i != SLOT_LIST_NONE; i = next) {
		next = d->links[i].after;
		if (d->slots[i].group == group)
			feed(d, i, type);
	}
}

void
director_conns_commit(struct director_node *d, unsigned group)
{
	feed_list(d, &d->committing, group, KERNEL_CONN_CONFIRMED);
}

void
director_conns_commit_until(struct director_node *d, uint64_t seq)
{
	uint32_t slot;

	while ((slot = d->committing.first) != SLOT_LIST_NONE &&
	    d->slots[slot].seq <= seq)
		feed(d, slot, KERNEL_CONN_CONFIRMED);
}

void
director_conns_release(struct director_node *d, unsigned group)
{
	feed_list(d, &d->committing, group, KERNEL_CONN_RELEASE);
	for (unsigned i = 0; i < d->setup.n_services; i++)
		feed_list(d, &d->services[i].held, group, KERNEL_CONN_RELEASE);
	feed_list(d, &d->young, group, KERNEL_CONN_RELEASE);
}

void
director_conns_turn_away(struct director_node *d, unsigned service)
{
	for (unsigned g = 0; g < d->setup.n_groups; g++)
		feed_list(
		    d, &d->services[service].held, g, KERNEL_CONN_RELEASE);
}

void
director_conns_offer(struct director_node *d, unsigned service)
{
	const struct slot_list *l = &d->services[service].held;
	unsigned in_vain = 0;
	uint32_t next;

	for (uint32_t i = l->first;
	     i != SLOT_LIST_NONE && in_vain < DIRECTOR_NODE_OFFERS; i = next) {
		next = d->links[i].after;
		feed(d, i, KERNEL_CONN_ROOM);
		if (d->slots[i].list == DIRECTOR_NODE_IN_HELD)
			in_vain++;
	}
}

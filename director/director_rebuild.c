#include "director/director_rebuild.h"

#include "core/addr.h"
#include "core/log.h"
#include "director/bpf/director_slot.h"
#include "director/director_entries.h"
#include "director/director_found.h"
#include "director/director_role.h"
#include "director/director_tables.h"
#include "director/director_turn.h"

#include <errno.h>
#include <string.h>

struct rebuild {
	struct director_role *role;
	uint8_t *there; /* of slots: which entries are, a bit each */
	unsigned found, strange;
	int error;
};

/* -1: no group of this file has the address any more. */
static int
group_of(const struct director_role *role, const struct conn_tuple *client)
{
	union addr a = { 0 };

	if (!role->config->has_pair)
		return -1;
	a.in6.sin6_family = AF_INET6;
	memcpy(&a.in6.sin6_addr, client->dst, CONN_TUPLE_IP);
	addr_normalize(&a);
	return config_group_of(&role->config->pair, &a);
}

static bool
take(struct director_role *role, uint32_t slot)
{
	const struct director_bpf_slot *k = &role->slots[slot];
	struct director_role_conn *c = &role->conns[slot];
	struct director_slot_route r;
	struct director_bpf_key from_server;
	struct director_found f = { .slot = slot, .isn = k->client_isn };
	int group;

	director_slot_route(k, &r);
	from_server = director_slot_key(&r, DIRECTOR_BPF_FROM_SERVER);
	f.client = director_entries_tuple(&r.client);
	f.server_side = director_entries_tuple(&from_server);
	group = group_of(role, &f.client);
	if (group < 0)
		return false;
	f.group = (unsigned)group;
	f.service = director_tables_find_service(role, k->tag);
	f.server = director_tables_find_server(role, f.service, k->tag);
	*c = (struct director_role_conn){
		.accepted = { .ns = (int64_t)k->opened_ns },
		.placed = { .ns = (int64_t)k->opened_ns },
		.emitted = mono_never(),
		.client_ifindex = r.client_ifindex,
		.counted = true,
		.made = true,
		.written = true,
		.bytes = { k->bytes[0], k->bytes[1] },
	};
	c->orphan =
	    f.service == DIRECTOR_NODE_NONE || f.server == DIRECTOR_NODE_NONE;
	if (director_found_take(&role->node, &f, mono_now()))
		return true;
	c->written = false;
	return false;
}

static bool
on_entry(void *arg, const struct director_bpf_key *key, uint64_t entry)
{
	struct rebuild *b = arg;
	struct director_role *role = b->role;
	const uint32_t slot = DIRECTOR_BPF_ENTRY_SLOT(entry);
	const unsigned from = DIRECTOR_BPF_ENTRY_FROM(entry);
	struct director_slot_route r;
	struct director_bpf_key own;

	if (slot < role->node.setup.n_slots && role->conns[slot].written) {
		director_slot_route(&role->slots[slot], &r);
		own = director_slot_key(&r, from);
		if (memcmp(&own, key, sizeof(own)) == 0) {
			b->there[slot] |= (uint8_t)(1U << from);
			return true;
		}
	}
	b->strange++;
	b->error = director_program_delete_entries(role->program, key, 1);
	return b->error == 0;
}

static void
write_missing(struct rebuild *b)
{
	struct director_role *role = b->role;

	for (uint32_t i = 0; i < role->node.setup.n_slots; i++) {
		struct director_entries_keys keys;
		struct director_slot_route r;

		if (!role->conns[i].written || b->there[i] == 3)
			continue;
		director_slot_route(&role->slots[i], &r);
		for (unsigned from = 0; from < 2; from++)
			keys.from[from] = director_slot_key(&r, from);
		director_entries_write(role->entries, i, &keys);
	}
	director_entries_flush(role->entries);
}

static int
rebuild(struct rebuild *b)
{
	struct director_role *role = b->role;
	int e;

	for (uint32_t i = 0; i < role->node.setup.n_slots; i++) {
		if (role->slots[i].opened_ns == 0)
			continue;
		if (take(role, i))
			b->found++;
		else
			role->slots[i].opened_ns = 0;
	}
	e = director_program_each_entry(role->program, on_entry, b);
	if (e < 0 || b->error < 0)
		return e < 0 ? e : b->error;
	write_missing(b);
	return 0;
}

int
director_rebuild_keep(struct director_role *role, const char *pins)
{
	if (director_program_is_beside(role->program))
		log_warning("director",
		    "[resource] the tables that are kept do not fit this file or version: making new ones, connections in the old ones end");
	return director_program_keep(role->program, pins);
}

int
director_rebuild(struct director_role *role)
{
	struct rebuild b = { .role = role };
	int e;

	if (!director_program_is_found(role->program))
		return 0;
	b.there = calloc(role->node.setup.n_slots, sizeof(*b.there));
	if (b.there == NULL)
		return -ENOMEM;
	e = rebuild(&b);
	free(b.there);
	if (b.found > 0)
		log_notice("director",
		    "%u connections of a process before go on", b.found);
	if (b.strange > 0)
		log_debug("director", "%u entries were nobody's", b.strange);
	return e;
}

void
director_rebuild_drain(struct director_role *role)
{
	struct director_node_event ev = { .type = DIRECTOR_NODE_KILL,
		.reason = END_REASON_DRAINED };
	unsigned n = 0;

	for (ev.slot = 0; ev.slot < role->node.setup.n_slots; ev.slot++)
		if (role->conns[ev.slot].written &&
		    role->conns[ev.slot].orphan) {
			director_turn_step(role, &ev);
			n++;
		}
	if (n > 0)
		log_notice("director",
		    "drain_timeout is over: %u connections end, their service or server is not in the file any more",
		    n);
}

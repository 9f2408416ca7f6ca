#include "director/director_listing.h"

#include "core/buf.h"
#include "core/kernel/msg_kernel.h"
#include "director/director_relay.h"
#include "director/director_role.h"

#include <string.h>

/* Connections have numbers that the relay's never have. */
#define ID_KERNEL (UINT64_C(1) << 63)

/* For a page, what it does not want included. */
#define LOOKS 16384

static bool
has_flag(const struct director_role *role, uint32_t slot, uint32_t flag)
{
	return (__atomic_load_n(&role->slots[slot].flags, __ATOMIC_RELAXED) &
	           flag) != 0;
}

static uint64_t
id_of(const struct director_role *role, uint32_t slot)
{
	return ID_KERNEL |
	    (uint64_t)(uint32_t)(role->conns[slot].accepted.ns >> 20) << 24 |
	    slot;
}

bool
director_listing_find(
    const struct director_role *role, uint64_t id, uint32_t *ret_slot)
{
	const uint32_t slot = (uint32_t)(id & 0xffffff);

	if (role->program == NULL || slot >= role->node.setup.n_slots ||
	    role->node.slots[slot].conn.state == KERNEL_CONN_FREE ||
	    id_of(role, slot) != (id | ID_KERNEL))
		return false;
	*ret_slot = slot;
	return true;
}

static struct msg_kernel_end
end_of(const uint8_t ip[static CONN_TUPLE_IP], uint16_t port)
{
	struct msg_kernel_end e = { .port = port };

	memcpy(e.ip, ip, sizeof(e.ip));
	return e;
}

static uint8_t
phase_of(enum kernel_conn_state state)
{
	switch (state) {
	case KERNEL_CONN_FREE:
	case KERNEL_CONN_HELD:
		return MSG_KERNEL_HELD;
	case KERNEL_CONN_COMMITTING:
		return MSG_KERNEL_COMMITTING;
	case KERNEL_CONN_CONNECTING:
		return MSG_KERNEL_CONNECTING;
	case KERNEL_CONN_SILENT:
		return MSG_KERNEL_SILENT;
	case KERNEL_CONN_OPEN:
		return MSG_KERNEL_OPEN;
	case KERNEL_CONN_DOUBTED:
		return MSG_KERNEL_DOUBTED;
	}
	return MSG_KERNEL_HELD;
}

static void
describe_kernel(
    const struct director_role *role, uint32_t slot, struct msg_kernel_conn *m)
{
	const struct director_bpf_slot *k = &role->slots[slot];
	const struct conn_tuple *server =
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_SERVER);
	const struct mono last = { .ns = (int64_t)k->last_ns };

	/* The node looks at it a little later. */
	if (m->phase == MSG_KERNEL_CONNECTING &&
	    has_flag(role, slot, DIRECTOR_BPF_ESTABLISHED))
		m->phase = MSG_KERNEL_OPEN;
	m->source = end_of(server->dst, server->dport);
	m->to = end_of(server->src, server->sport);
	m->bytes_in = k->bytes[DIRECTOR_BPF_FROM_CLIENT];
	m->bytes_out = k->bytes[DIRECTOR_BPF_FROM_SERVER];
	/* The program's clock is some ms behind: never longer than its age. */
	if (k->last_ns != 0 && mono_before(role->conns[slot].accepted, last))
		m->idle_ms = mono_span_ms(last, mono_now());
	if (m->idle_ms > m->age_ms)
		m->idle_ms = m->age_ms;
}

static struct msg_kernel_conn
describe(const struct director_role *role, uint32_t slot, uint32_t ask)
{
	const struct director_node_slot *s = &role->node.slots[slot];
	const struct director_role_conn *c = &role->conns[slot];
	const struct conn_tuple *client =
	    tuple_index_get(&role->node.index, slot, CONN_TUPLE_CLIENT);
	struct msg_kernel_conn m = {
		.ask = ask,
		.id = id_of(role, slot),
		.service = s->service == DIRECTOR_NODE_NONE
		    ? MSG_KERNEL_ALL
		    : (uint16_t)s->service,
		.server = s->server == DIRECTOR_NODE_NONE ? MSG_KERNEL_ALL
		                                          : (uint16_t)s->server,
		.client = end_of(client->src, client->sport),
		.listen = end_of(client->dst, client->dport),
		.age_ms = mono_span_ms(c->accepted, mono_now()),
		.phase = phase_of(s->conn.state),
		.protected =
		    replica_is_protected(&role->node.replica, s->group, s->seq),
		.why = (uint8_t)replica_why(&role->node.replica, s->group),
	};

	m.idle_ms = m.age_ms;
	if (c->written)
		describe_kernel(role, slot, &m);
	return m;
}

static bool
is_listed(const struct director_role *role, uint32_t slot,
    const struct msg_kernel_list *ask)
{
	const struct director_node_slot *s = &role->node.slots[slot];

	return s->conn.state != KERNEL_CONN_FREE &&
	    replica_is_mine(&role->node.replica, s->group) &&
	    (ask->service == MSG_KERNEL_ALL || s->service == ask->service);
}

void
director_listing_send(
    struct director_role *role, const struct msg_kernel_list *ask)
{
	struct msg_kernel_list_end end = { .ask = ask->ask };
	struct buf out = BUF_WRITER(16);
	unsigned n = 0;

	for (uint32_t i = ask->from; i < role->node.setup.n_slots; i++) {
		struct msg_kernel_conn m;
		struct buf b = BUF_WRITER(256);

		if (i - ask->from == LOOKS) {
			end.next = i;
			break;
		}
		if (!is_listed(role, i, ask))
			continue;
		m = describe(role, i, ask->ask);
		msg_kernel_put_conn(&b, &m);
		if (n == ask->most ||
		    !director_relay_send(role, MSG_KERNEL_CONN, &b)) {
			end.next = i;
			break;
		}
		n++;
	}
	msg_kernel_put_list_end(&out, &end);
	director_relay_answer(role, MSG_KERNEL_LIST_END, &out);
}

/*
 * What a peer gone mad may say to a director. The first byte chooses which of
 * the two this is; then frames, which are written again the same, and heard
 * between the events that the byte behind each chooses. Whatever was said: what
 * is counted is what there is, and no two slots have one tuple.
 */

#include "director/director_conns.h"
#include "tests/lib/director_lab.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_again(const struct replica_msg *m)
{
	struct buf b = BUF_WRITER(REPLICA_MSG_BYTES_MAX);
	struct buf again;
	struct replica_msg same = { 0 };

	if (m->type == REPLICA_MSG_UNKNOWN)
		return;
	replica_msg_encode(&b, m);
	assert(!b.bad);
	again = buf_reader(b.data, b.pos);
	assert(replica_msg_decode(&again, &same) == 1 && buf_is_done(&again));
	assert(same.type == m->type && same.seq == m->seq &&
	    same.slot == m->slot && same.term == m->term &&
	    conn_tuple_is_same(&same.client, &m->client) &&
	    conn_tuple_is_same(&same.server, &m->server));
}

static void
check_node(const struct director_lab *l)
{
	uint32_t loads = 0, placed = 0, owned = 0;

	for (uint32_t i = 0; i < DIRECTOR_LAB_SLOTS; i++) {
		const struct director_node_slot *s = &l->slots[i];

		owned += s->list == DIRECTOR_NODE_IN_FREE;
		if (s->conn.state == KERNEL_CONN_FREE)
			continue;
		assert(tuple_index_find(&l->d.index, CONN_TUPLE_CLIENT,
		           tuple_index_get(
		               &l->d.index, i, CONN_TUPLE_CLIENT)) == i);
		assert(director_conns_their(&l->d, i) == DIRECTOR_NODE_NONE ||
		    director_conns_named(
		        &l->d, director_conns_their(&l->d, i)) == i);
		placed += s->conn.placed && s->server != DIRECTOR_NODE_NONE;
	}
	for (unsigned i = 0; i < DIRECTOR_LAB_SERVICES; i++)
		loads += l->balance[i][0].load + l->balance[i][1].load;
	assert(loads == placed);
	assert(l->d.free.n == owned);
}

static void
disturb(struct director_lab *l, uint8_t how)
{
	struct director_node_event ev = { .slot = how % DIRECTOR_LAB_SLOTS,
		.listen = how & 1,
		.tuple = { .src = DIRECTOR_LAB_IP(1, 1),
		    .dst = DIRECTOR_LAB_IP(0, 100),
		    .sport = how,
		    .dport = 80 + (how & 1) },
		.term = how,
		.peer_dead = how & 2,
		.reason = END_REASON_SERVER_DOWN,
		.chance = how };
	static const enum director_node_event_type types[] = {
		DIRECTOR_NODE_SYN, DIRECTOR_NODE_REFUSED, DIRECTOR_NODE_CLOSED,
		DIRECTOR_NODE_TICK, DIRECTOR_NODE_FAILED, DIRECTOR_NODE_CUT,
		DIRECTOR_NODE_CLAIM, DIRECTOR_NODE_RELEASE, DIRECTOR_NODE_KNOW,
		DIRECTOR_NODE_LINK_UP, DIRECTOR_NODE_LINK_DOWN,
		DIRECTOR_NODE_PEER_DEAD, DIRECTOR_NODE_READ_ALL,
		DIRECTOR_NODE_CAN_SEND, DIRECTOR_NODE_KILL
	};

	ev.type = types[(how / 8) % ARRAY_LEN(types)];
	l->seen[ev.slot] = (struct kernel_conn_seen){
		.rst = how & 1, .syn_ack = how & 2, .fins_acked = how & 4
	};
	l->now = mono_add_ms(l->now, how);
	director_lab_step(l, &ev);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct director_lab lab;
	struct buf in = buf_reader(data, size);
	struct replica_msg m, hello;

	director_lab_init(&lab, buf_get_u8(&in) & 1);
	hello = director_lab_hello(1 - lab.d.setup.self);
	director_lab_step(&lab,
	    &(struct director_node_event){ .type = DIRECTOR_NODE_LINK_UP });
	director_lab_hear(&lab, &hello);
	while (replica_msg_decode(&in, &m) == 1) {
		check_again(&m);
		director_lab_hear(&lab, &m);
		check_node(&lab);
		disturb(&lab, buf_get_u8(&in));
		check_node(&lab);
		lab.log[0] = '\0';
		lab.n_sent = 0;
	}
	return 0;
}

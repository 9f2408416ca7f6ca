/*
 * What of a state decides how it goes on, in a form of which equal ones mean
 * the same: moments relative to now, numbers relative to the next one, lists in
 * their order, and nothing that is left over in what is free.
 */

#include "tests/model/director_world.h"

#include "director/director_conns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W (&director_world)
#define TICK_NS (TIMER_WHEEL_TICK_MS * INT64_C(1000000))
#define BYTES 4096

static uint8_t bytes[BYTES];
static unsigned n_bytes;

static void
put(uint64_t v)
{
	const uint16_t low = (uint16_t)v;

	if (n_bytes + sizeof(low) > BYTES) {
		printf("model: a state is too large\n");
		exit(2);
	}
	memcpy(&bytes[n_bytes], &low, sizeof(low));
	n_bytes += sizeof(low);
}

/* Of moments before a day it does not matter how long ago they are. */
static void
put_moment(struct mono m)
{
	int64_t ticks = 0x7fff;

	if (!mono_is_never(m))
		ticks = (m.ns - W->now.ns) / TICK_NS;
	if (ticks < -0x7fff)
		ticks = -0x7fff;
	put((uint64_t)(ticks < 0x7fff ? ticks : 0x7ffe));
	put(mono_is_never(m));
}

static void
put_due(struct mono m)
{
	put_moment(mono_before(m, W->now) ? W->now : m);
}

static void
put_seq(const struct director_world_node *sender, uint64_t seq)
{
	put(seq == 0 ? 0xffff : sender->d.replica.next_seq - seq);
}

static void
put_tuple(const struct conn_tuple *t)
{
	put(t->src[15]);
	put(t->sport);
	put(t->dport);
}

static void
put_conn(const struct director_world_node *n, uint32_t slot)
{
	const struct director_node_slot *s = &n->d.slots[slot];
	const struct kernel_conn *c = &s->conn;
	const struct mono rested = mono_add_ms(s->freed, DIRECTOR_NODE_REST_MS);

	put(c->state);
	if (c->state == KERNEL_CONN_FREE) {
		put_due(rested);
		return;
	}
	put((uint64_t)c->placed | c->written << 1 | c->inherited << 2 |
	    director_conns_is_stale(&n->d, slot) << 3);
	put(c->attempts);
	put(c->n_tried);
	for (unsigned i = 0; i < c->n_tried; i++)
		put(c->tried[i]);
	put(c->wants);
	put(c->failure);
	put_due(c->deadline);
	if (c->state == KERNEL_CONN_CONNECTING)
		put_moment(c->since);
	put_moment(c->waits_until);
	put_seq(n, replica_is_told(&n->d.replica, 0, s->seq) ? s->seq : 0);
	put(s->isn);
	put(s->server);
	put(director_conns_their(&n->d, slot));
	put_tuple(tuple_index_get(&n->d.index, slot, CONN_TUPLE_CLIENT));
	if (c->placed)
		put_tuple(
		    tuple_index_get(&n->d.index, slot, CONN_TUPLE_SERVER));
}

static void
put_list(const struct director_world_node *n, const struct slot_list *l)
{
	for (uint32_t i = l->first; i != SLOT_LIST_NONE; i = n->links[i].after)
		put(i);
	put(0xfffe);
}

static void
put_ports(const struct port_pool *p, const struct port_pool_list *l)
{
	for (uint16_t i = l->first; i != UINT16_MAX; i = p->ports[i].after)
		put(i);
	put(0xfffe);
}

static void
put_replica(
    const struct director_world_node *n, const struct director_world_node *peer)
{
	const struct replica *r = &n->d.replica;
	const struct replica_group *g = &r->groups[0];

	put((uint64_t)g->state | g->believed << 4 | g->missed << 5 |
	    r->linked << 6 | n->d.greeted << 7 | g->refused << 8);
	put(g->term);
	put_seq(peer, g->heard_begin);
	put_seq(n, r->acked);
	if (replica_tells(r, 0))
		put_seq(n, g->first_seq);
	if (g->state == REPLICA_PROVING || g->state == REPLICA_LAGGING)
		put_seq(n, g->finish_seq);
	put(r->heard - r->heard_told);
	put(n->d.cursors[0]);
}

static void
put_kernel(const struct director_world_kernel *k)
{
	for (unsigned i = 0; i < sizeof(k->of_client); i++)
		put(k->of_client[i]);
	for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++)
		for (unsigned p = 0; p < 2 * DIRECTOR_WORLD_PORTS; p++)
			put(k->of_server[s][p]);
	for (unsigned i = 0; i < DIRECTOR_WORLD_SLOTS; i++) {
		const struct director_world_slot *s = &k->slots[i];

		put((uint64_t)s->seen.syn_ack | s->seen.established << 1 |
		    s->seen.spoken << 2 | s->seen.fin_client << 3 |
		    s->seen.fins_acked << 4 | s->seen.rst << 5 |
		    s->syn_sent << 6 | s->first_byte << 7 | s->closed << 8 |
		    s->kept << 9 | s->inherited << 10 | s->seen.refused << 11);
		put((uint64_t)s->client | (unsigned)s->server << 4 |
		    (unsigned)s->port << 8);
	}
}

static void
put_node(const struct director_world_node *n)
{
	const struct director_world_node *peer =
	    n == &W->nodes[0] ? &W->nodes[1] : &W->nodes[0];

	put((uint64_t)n->dead | n->unaware << 1 | n->judged << 2 |
	    n->is_fresh << 3 | n->is_empty << 4);
	if (n->dead)
		return;
	put_replica(n, peer);
	for (uint32_t i = 0; i < DIRECTOR_WORLD_SLOTS; i++)
		put_conn(n, i);
	put_list(n, &n->d.free);
	put_list(n, &n->d.committing);
	for (unsigned i = 0; i < DIRECTOR_WORLD_CLIENTS; i++) {
		put_list(n, &n->services[i].held);
		for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++)
			put((uint64_t)n->balance[i][s].credit);
	}
	for (unsigned i = 0; i < DIRECTOR_WORLD_SERVERS; i++) {
		put_ports(&n->pools[i], &n->pools[i].free);
		put_ports(&n->pools[i], &n->pools[i].quarantine);
	}
	put_kernel(&n->kernel);
	put(n->in.n);
	for (unsigned i = 0; i < n->in.n; i++) {
		const struct replica_msg *m = &n->in.all[i];

		put(m->type);
		put(m->term);
		put_seq(
		    m->type == REPLICA_MSG_ACK || m->type == REPLICA_MSG_REFUSE
		        ? n
		        : peer,
		    m->seq);
		put(m->slot);
		put(m->isn);
		put_tuple(&m->client);
		put_tuple(&m->server);
	}
}

static uint64_t
mix(uint64_t seed)
{
	uint64_t h = seed;

	for (unsigned i = 0; i < n_bytes; i += 8) {
		uint64_t word = 0;

		memcpy(&word, &bytes[i], n_bytes - i < 8 ? n_bytes - i : 8);
		h = (h ^ word) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	return h;
}

struct director_world_print
director_world_print(void)
{
	n_bytes = 0;
	put((uint64_t)(W->holder + 1) | W->linked << 2 | W->died[0] << 3 |
	    W->died[1] << 4);
	put(W->term);
	put((uint64_t)W->owns[0] | (unsigned)W->owns[1] << 8);
	for (unsigned i = 0; i < DIRECTOR_WORLD_CLIENTS; i++)
		put((uint64_t)W->clients[i].state |
		    (unsigned)W->clients[i].number << 4 |
		    W->clients[i].excused << 8 | W->clients[i].promised << 9);
	for (unsigned s = 0; s < DIRECTOR_WORLD_SERVERS; s++)
		for (unsigned p = 0; p < 2 * DIRECTOR_WORLD_PORTS; p++)
			put((uint64_t)W->servers[s][p].state |
			    (unsigned)W->servers[s][p].client << 4 |
			    (unsigned)W->servers[s][p].number << 8);
	put_node(&W->nodes[0]);
	put_node(&W->nodes[1]);
	return (struct director_world_print){ mix(1), mix(0x9e3779b9) };
}

#include "director/director_place.h"

#include "director/director_conns.h"

#include <string.h>

static uint64_t
draw(struct director_node *d)
{
	const uint64_t seed[] = { d->ev->chance, d->draws++ };

	return balance_hash(seed, sizeof(seed));
}

/* One that has a free port, too. */
static enum pool_choice
find_place(struct director_node *d, uint32_t slot, unsigned *ret_server,
    uint16_t *ret_port)
{
	struct director_node_slot *s = &d->slots[slot];
	struct server_choice *c = &d->services[s->service].choice;
	struct server_choice_client client = { .chance = draw(d),
		.n_tried = s->conn.n_tried };
	enum pool_choice choice;

	memcpy(client.ip,
	    tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT)->src,
	    sizeof(client.ip));
	memcpy(client.tried, s->conn.tried, sizeof(client.tried));
	while ((choice = server_choice_take(c, &client, d->now, ret_server)) ==
	    POOL_CHOICE_SERVER) {
		*ret_port = port_pool_take(
		    &d->pools[c->servers[*ret_server].pool], d->now);
		if (*ret_port != 0)
			return choice;
		server_choice_give(c, *ret_server);
		if (client.n_tried == SERVER_CHOICE_TRIED)
			return POOL_CHOICE_PLACE;
		client.tried[client.n_tried++] = (uint16_t)*ret_server;
	}
	/* It may have tried fewer than it seems: ports come back, too. */
	if (choice == POOL_CHOICE_ROUND && s->conn.n_tried < client.n_tried)
		return POOL_CHOICE_PLACE;
	return choice;
}

struct kernel_conn_event
director_place_choose(struct director_node *d, uint32_t slot)
{
	struct director_node_slot *s = &d->slots[slot];
	struct director_node_service *v = &d->services[s->service];
	struct kernel_conn_event answer =
	    director_conns_event(d, slot, KERNEL_CONN_UNPLACED);
	const struct conn_tuple *client =
	    tuple_index_get(&d->index, slot, CONN_TUPLE_CLIENT);
	struct conn_tuple tuple;
	unsigned server;
	uint16_t port;

	answer.wants = POOL_CHOICE_PLACE;
	if (v->max_connections > 0 && v->connections >= v->max_connections)
		return answer;
	answer.wants = find_place(d, slot, &server, &port);
	if (answer.wants != POOL_CHOICE_SERVER)
		return answer;
	answer.type = KERNEL_CONN_PLACED;
	answer.server = (uint16_t)server;
	s->server = server;
	s->pool = v->choice.servers[server].pool;
	s->port = port;
	v->connections++;
	memcpy(tuple.src, v->choice.servers[server].ip, sizeof(tuple.src));
	memcpy(tuple.dst,
	    conn_tuple_is_v4(client->src) ? v->source_v4 : v->source_v6,
	    sizeof(tuple.dst));
	tuple.sport = v->choice.servers[server].port;
	tuple.dport = port;
	tuple_index_set(&d->index, slot, CONN_TUPLE_SERVER, &tuple);
	return answer;
}

void
director_place_leave(struct director_node *d, uint32_t slot, bool quarantine)
{
	struct director_node_slot *s = &d->slots[slot];

	tuple_index_unset(&d->index, slot, CONN_TUPLE_SERVER);
	if (s->pool != DIRECTOR_NODE_NONE)
		port_pool_give(&d->pools[s->pool], s->port, quarantine, d->now);
	if (s->service != DIRECTOR_NODE_NONE) {
		struct director_node_service *v = &d->services[s->service];

		v->connections--;
		v->room = d->room = true;
		if (s->server != DIRECTOR_NODE_NONE)
			server_choice_give(&v->choice, s->server);
	}
	s->pool = s->server = DIRECTOR_NODE_NONE;
}

uint32_t
director_place_service(
    const struct director_node *d, const struct conn_tuple *client)
{
	const unsigned n = d->setup.n_listens + d->setup.n_former;

	for (unsigned i = 0; i < n; i++)
		if (d->listens[i].port == client->dport &&
		    memcmp(d->listens[i].ip, client->dst, CONN_TUPLE_IP) == 0)
			return d->listens[i].service;
	return DIRECTOR_NODE_NONE;
}

static bool
is_at(const struct server_choice_server *k, const struct conn_tuple *server)
{
	return k->port == server->sport &&
	    memcmp(k->ip, server->src, CONN_TUPLE_IP) == 0;
}

/* A server that can't be reached from here has no ports. */
static void
enter(struct director_node *d, uint32_t slot, unsigned server)
{
	struct director_node_slot *s = &d->slots[slot];
	struct server_choice *c = &d->services[s->service].choice;
	const uint16_t pool = c->servers[server].pool;

	s->server = server;
	server_choice_enter(c, server);
	if (pool == SERVER_CHOICE_NO_POOL || s->pool != DIRECTOR_NODE_NONE)
		return;
	s->pool = pool;
	port_pool_claim(&d->pools[pool], s->port);
}

void
director_place_inherit(struct director_node *d, uint32_t slot)
{
	const struct director_node_slot *s = &d->slots[slot];
	const struct conn_tuple *server =
	    tuple_index_get(&d->index, slot, CONN_TUPLE_SERVER);
	struct director_node_service *v;

	if (s->service == DIRECTOR_NODE_NONE)
		return;
	v = &d->services[s->service];
	v->connections++;
	for (unsigned i = 0; i < v->choice.n; i++)
		if (is_at(&v->choice.servers[i], server)) {
			enter(d, slot, i);
			return;
		}
}

void
director_place_meet(struct director_node *d, uint32_t service, uint32_t server)
{
	const struct server_choice_server *k =
	    &d->services[service].choice.servers[server];

	for (uint32_t i = 0; i < d->setup.n_slots; i++) {
		const struct director_node_slot *s = &d->slots[i];

		if (s->conn.placed && s->service == service &&
		    s->server == DIRECTOR_NODE_NONE &&
		    is_at(k, tuple_index_get(&d->index, i, CONN_TUPLE_SERVER)))
			enter(d, i, server);
	}
}

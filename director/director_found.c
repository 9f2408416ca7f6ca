#include "director/director_found.h"

#include "director/director_conns.h"

#include <string.h>

static void
enter_service(struct director_node *d, const struct director_found *f)
{
	struct director_node_service *v;

	if (f->service == DIRECTOR_NODE_NONE)
		return;
	v = &d->services[f->service];
	v->connections++;
	if (f->server != DIRECTOR_NODE_NONE)
		server_choice_enter(&v->choice, f->server);
}

static bool
is_free(const struct director_node *d, const struct director_found *f)
{
	return f->slot < d->setup.n_slots &&
	    d->slots[f->slot].conn.state == KERNEL_CONN_FREE &&
	    tuple_index_find(&d->index, CONN_TUPLE_CLIENT, &f->client) ==
	    TUPLE_INDEX_NONE &&
	    tuple_index_find(&d->index, CONN_TUPLE_SERVER, &f->server_side) ==
	    TUPLE_INDEX_NONE;
}

bool
director_found_take(
    struct director_node *d, const struct director_found *f, struct mono now)
{
	struct director_node_slot *s;
	struct kernel_conn_event ev;

	if (!is_free(d, f))
		return false;
	d->now = now;
	s = &d->slots[f->slot];
	s->service = f->service;
	s->server =
	    f->service == DIRECTOR_NODE_NONE ? DIRECTOR_NODE_NONE : f->server;
	s->pool = DIRECTOR_NODE_NONE;
	s->port = f->server_side.dport;
	s->group = (uint8_t)f->group;
	s->isn = f->isn;
	s->seq = 0;
	tuple_index_set(&d->index, f->slot, CONN_TUPLE_CLIENT, &f->client);
	tuple_index_set(&d->index, f->slot, CONN_TUPLE_SERVER, &f->server_side);
	client_count_add(&d->clients, s->service, f->client.src, 1, 0);
	enter_service(d, f);
	ev = director_conns_event(d, f->slot, KERNEL_CONN_FOUND);
	ev.server = (uint16_t)s->server;
	director_conns_settle(d, f->slot, ev);
	return true;
}

void
director_found_claim_ports(struct director_node *d, uint16_t pool,
    const uint8_t source[static CONN_TUPLE_IP],
    const uint8_t server[static CONN_TUPLE_IP], uint16_t port)
{
	for (uint32_t i = 0; i < d->setup.n_slots; i++) {
		struct director_node_slot *s = &d->slots[i];
		const struct conn_tuple *t =
		    tuple_index_get(&d->index, i, CONN_TUPLE_SERVER);

		if (!s->conn.placed || s->pool != DIRECTOR_NODE_NONE ||
		    t->sport != port ||
		    memcmp(t->src, server, CONN_TUPLE_IP) != 0 ||
		    memcmp(t->dst, source, CONN_TUPLE_IP) != 0)
			continue;
		s->pool = pool;
		port_pool_claim(&d->pools[pool], s->port);
	}
}

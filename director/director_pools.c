#include "director/director_pools.h"

#include "core/secret.h"
#include "director/director_found.h"
#include "director/director_role.h"

#include <errno.h>
#include <string.h>

/* Names may come to stand for others: some more than there are servers. */
#define SPARE 64

struct name {
	uint8_t source[CONN_TUPLE_IP], server[CONN_TUPLE_IP];
	uint16_t port;
};

struct director_pools {
	struct port_pool *all;
	struct name *names;
	unsigned n, room;
};

int
director_pools_new(struct director_role *role)
{
	struct director_pools *p = calloc(1, sizeof(*p));

	role->pools = p;
	if (p == NULL)
		return -ENOMEM;
	p->room = SPARE;
	for (size_t i = 0; i < role->config->n_services; i++)
		p->room += (unsigned)role->config->services[i].n_servers;
	if (p->room > DIRECTOR_POOLS_NONE)
		p->room = DIRECTOR_POOLS_NONE;
	p->all = calloc(p->room, sizeof(*p->all));
	p->names = calloc(p->room, sizeof(*p->names));
	role->node.pools = p->all;
	return p->all == NULL || p->names == NULL ? -ENOMEM : 0;
}

void
director_pools_free(struct director_role *role)
{
	struct director_pools *p = role->pools;

	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->n; i++)
		free(p->all[i].ports);
	free(p->all);
	free(p->names);
	free(p);
	role->pools = NULL;
}

/* No connection has a port of it, and no server would take one. */
static bool
is_left(const struct director_role *role, unsigned i)
{
	const struct port_pool *pool = &role->pools->all[i];

	if (pool->free.n + pool->quarantine.n < pool->n)
		return false;
	for (unsigned v = 0; v < role->node.setup.n_services; v++) {
		const struct server_choice *c = &role->node.services[v].choice;

		for (unsigned k = 0; k < c->n; k++)
			if (c->servers[k].pool == i)
				return false;
	}
	return true;
}

/* A new one; else that of a server which is not there any more. */
static unsigned
find_room(const struct director_role *role)
{
	const struct director_pools *p = role->pools;

	if (p->n < p->room)
		return p->n;
	for (unsigned i = 0; i < p->n; i++)
		if (is_left(role, i))
			return i;
	return DIRECTOR_POOLS_NONE;
}

static uint16_t
make(struct director_role *role, const struct name *name)
{
	struct director_pools *p = role->pools;
	const unsigned i = find_room(role);
	struct port_pool *pool;
	uint16_t chance;

	if (i == DIRECTOR_POOLS_NONE)
		return DIRECTOR_POOLS_NONE;
	pool = &p->all[i];
	if (i == p->n) {
		pool->ports = calloc(PORT_POOL_PORTS, sizeof(*pool->ports));
		if (pool->ports == NULL)
			return DIRECTOR_POOLS_NONE;
		p->n++;
	}
	pool->n = PORT_POOL_PORTS;
	pool->parity = role->node.setup.self;
	secret_random(&chance, sizeof(chance));
	port_pool_init(pool, chance);
	p->names[i] = *name;
	director_found_claim_ports(
	    &role->node, (uint16_t)i, name->source, name->server, name->port);
	return (uint16_t)i;
}

uint16_t
director_pools_of(struct director_role *role,
    const uint8_t source[static CONN_TUPLE_IP],
    const uint8_t server[static CONN_TUPLE_IP], uint16_t port)
{
	struct director_pools *p = role->pools;
	struct name name;

	memset(&name, 0, sizeof(name));
	memcpy(name.source, source, CONN_TUPLE_IP);
	memcpy(name.server, server, CONN_TUPLE_IP);
	name.port = port;
	for (unsigned i = 0; i < p->n; i++)
		if (memcmp(&p->names[i], &name, sizeof(name)) == 0)
			return (uint16_t)i;
	return make(role, &name);
}

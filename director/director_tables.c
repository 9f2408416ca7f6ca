#include "director/director_tables.h"

#include "config/config.h"
#include "core/addr.h"
#include "core/secret.h"
#include "director/director_effects.h"
#include "director/director_pools.h"
#include "director/director_role.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* 16 s: more than KERNEL_CONN_SWEEP_MS, or each connection would come up, and
 * be set again, several times between two sweeps. */
#define WHEEL_BUCKETS 1024

/* The peer's word is waited for so long, and then no more for a while. */
#define COMMIT_MS 100

/*
 * SYNs that nobody has completed, before anybody has proven that it has the
 * address it writes from: half of the slots, and of each client.
 */
#define YOUNG_PART 2
#define SLOTS_LEAST_PART 16
#define VALVE_REST_MS 1000
#define YOUNG_PER_CLIENT 1024

struct director_tables {
	struct director_node_service *services;
	unsigned n_services;
	struct director_node_listen *listens;
	struct director_bpf_listen *places; /* listens, and addresses */
	uint32_t n_places;
	/* Of all services, one after the other. */
	struct server_choice_server *servers;
	struct balance_slot *balance;
	struct pool_choice_server *choices; /* of the largest */
	/* Of the node. */
	struct director_node_slot *slots;
	struct slot_list_link *links, *wheel_links;
	uint32_t *theirs, *places_of;
	struct tuple_index_entry *entries;
	uint32_t *buckets;
	struct slot_list *wheel_buckets;
	struct client_count_entry *clients;
};

static void
put_ip(uint8_t ret_ip[static CONN_TUPLE_IP], const union addr *a)
{
	static const uint8_t mapped[] = { [10] = 0xff, [11] = 0xff };
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	memset(ret_ip, 0, CONN_TUPLE_IP);
	if (len == 4)
		memcpy(ret_ip, mapped, sizeof(mapped));
	memcpy(ret_ip + CONN_TUPLE_IP - len, bytes, len);
}

static bool
is_kernel(const struct config_service *s)
{
	return s->path == CONFIG_PATH_KERNEL;
}

/* ---- services ---- */

static struct kernel_conn_rules
rules_of(const struct config_service *s)
{
	const struct config_timeouts *t = &s->timeouts;

	return (struct kernel_conn_rules){
		.connect_ms = t->connect_ms,
		.queue_ms = t->queue_ms,
		.first_byte_ms = s->connect == CONFIG_CONNECT_AT_FIRST_BYTE
		    ? t->first_byte_ms
		    : 0,
		.idle_ms = t->idle_ms,
		.half_closed_ms =
		    t->half_closed_ms > 0 ? t->half_closed_ms : t->idle_ms,
		.keepalive_ms = s->keepalive_ms,
		.commit_ms = COMMIT_MS,
		.retries = s->retries,
	};
}

static void
set_sources(struct director_node_service *v, const struct config_service *s)
{
	for (size_t i = s->n_listens; i-- > 0;) {
		const union addr *a = config_kernel_source(s, i);

		put_ip(a->sa.sa_family == AF_INET ? v->source_v4 : v->source_v6,
		    a);
	}
}

/* Unusable until the relay says how it stands. */
static void
set_service(struct director_tables *t, unsigned i,
    const struct config_service *s, size_t first)
{
	struct director_node_service *v = &t->services[i];

	*v = (struct director_node_service){
		.rules = rules_of(s),
		.max_connections = s->max_connections,
		.max_per_client = s->max_per_client,
		.choice = { .balance = s->balance,
		    .servers = t->servers + first,
		    .slots = t->balance + first,
		    .choices = t->choices,
		    .n = (unsigned)s->n_servers },
	};
	set_sources(v, s);
	for (size_t k = 0; k < s->n_servers; k++) {
		const char *name = s->servers[k].name;

		t->servers[first + k] =
		    (struct server_choice_server){ .up_since = mono_never(),
			    .pool = DIRECTOR_POOLS_NONE };
		t->balance[first + k].name_hash =
		    balance_hash(name, strlen(name));
	}
}

static void
set_services(struct director_role *role)
{
	const struct config *c = role->config;
	size_t first = 0;

	for (unsigned i = 0; i < c->n_services; i++) {
		set_service(role->tables, i, &c->services[i], first);
		first += c->services[i].n_servers;
	}
}

/* ---- where clients are waited for ---- */

static void
add_address(struct director_tables *t, const uint8_t ip[static CONN_TUPLE_IP])
{
	struct director_bpf_listen l = { .port = 0 };

	memcpy(l.addr, ip, sizeof(l.addr));
	for (uint32_t i = 0; i < t->n_places; i++)
		if (memcmp(&t->places[i], &l, sizeof(l)) == 0)
			return;
	t->places[t->n_places++] = l;
}

/* NULL: no group has the address; of the kernel path's the file was checked. */
static const struct director_node_listen *
add_listen(struct director_role *role, unsigned service, const union addr *a)
{
	struct director_node_setup *setup = &role->node.setup;
	struct director_node_listen *l =
	    &role->tables->listens[setup->n_listens + setup->n_former];
	const int group = config_group_of(&role->config->pair, a);

	if (group < 0)
		return NULL;
	*l = (struct director_node_listen){ .port = addr_port(a),
		.service = (uint16_t)service,
		.group = (unsigned)group };
	put_ip(l->ip, a);
	return l;
}

static void
add_place(struct director_role *role, unsigned service, const union addr *a)
{
	const struct director_node_listen *l = add_listen(role, service, a);
	struct director_bpf_listen *place =
	    &role->tables->places[role->node.setup.n_listens];

	if (l == NULL)
		return;
	memcpy(place->addr, l->ip, sizeof(place->addr));
	place->port = htons(l->port);
	role->tables->n_places = ++role->node.setup.n_listens;
}

/*
 * Of services that are relayed by this file: by these the peer's connections
 * that came before are told whose they are.
 */
static void
add_former(struct director_role *role, unsigned service)
{
	const struct config_service *s = &role->config->services[service];

	for (size_t i = 0; !is_kernel(s) && i < s->n_listens; i++)
		if (add_listen(role, service, &s->listens[i].address) != NULL)
			role->node.setup.n_former++;
}

static void
set_listens(struct director_role *role)
{
	const struct config *c = role->config;
	struct director_tables *t = role->tables;
	uint8_t ip[CONN_TUPLE_IP];

	for (unsigned i = 0; i < c->n_services; i++)
		for (size_t k = 0;
		     is_kernel(&c->services[i]) && k < c->services[i].n_listens;
		     k++)
			add_place(role, i, &c->services[i].listens[k].address);
	for (unsigned i = 0; i < c->n_services; i++)
		add_former(role, i);
	for (unsigned i = 0; i < role->node.setup.n_listens; i++)
		add_address(t, t->listens[i].ip);
	for (unsigned i = 0; i < c->n_services; i++)
		if (is_kernel(&c->services[i]) && c->services[i].has_source) {
			put_ip(ip, &c->services[i].source);
			add_address(t, ip);
		}
}

uint32_t
director_tables_listen(const struct director_tables *t,
    const struct conn_tuple *client, uint32_t guess)
{
	const struct director_node_listen *l = t->listens;
	uint32_t n = 0;

	while (n < t->n_places && t->places[n].port != 0)
		n++;
	if (guess < n && l[guess].port == client->dport &&
	    memcmp(l[guess].ip, client->dst, CONN_TUPLE_IP) == 0)
		return guess;
	for (uint32_t i = 0; i < n; i++)
		if (l[i].port == client->dport &&
		    memcmp(l[i].ip, client->dst, CONN_TUPLE_IP) == 0)
			return i;
	return DIRECTOR_NODE_NONE;
}

const struct director_bpf_listen *
director_tables_places(const struct director_tables *t, uint32_t *ret_n)
{
	*ret_n = t->n_places;
	return t->places;
}

/* ---- by name ---- */

uint32_t
director_tables_find_service(const struct director_role *role, uint64_t tag)
{
	for (unsigned i = 0; i < role->config->n_services; i++)
		if (director_effects_tag(role, i, DIRECTOR_NODE_NONE) >> 32 ==
		    tag >> 32)
			return i;
	return DIRECTOR_NODE_NONE;
}

uint32_t
director_tables_find_server(
    const struct director_role *role, uint32_t service, uint64_t tag)
{
	if (service == DIRECTOR_NODE_NONE)
		return DIRECTOR_NODE_NONE;
	for (uint32_t i = 0; i < role->config->services[service].n_servers; i++)
		if (director_effects_tag(role, service, i) == tag)
			return i;
	return DIRECTOR_NODE_NONE;
}

/* ---- the whole ---- */

static uint32_t
power_of_two(uint32_t least)
{
	uint32_t n = 1;

	while (n < least)
		n *= 2;
	return n;
}

static void
set_setup(struct director_role *role)
{
	const struct config *c = role->config;
	const uint32_t slots = c->kernel.slots;

	role->node.setup = (struct director_node_setup){
		.self = (uint8_t)role->start.node,
		.paired = true,
		.n_slots = slots,
		.n_groups = (unsigned)c->pair.n_groups,
		.n_services = (unsigned)c->n_services,
		.young_per_client = YOUNG_PER_CLIENT,
		.valve = { .young_most = slots / YOUNG_PART,
		    .slots_least = slots / SLOTS_LEAST_PART,
		    .rest_ms = VALVE_REST_MS },
	};
}

static void
set_node(struct director_role *role)
{
	struct director_tables *t = role->tables;
	struct director_node *d = &role->node;
	const uint32_t slots = d->setup.n_slots;

	d->calls = &director_effects_calls;
	d->arg = role;
	d->services = t->services;
	d->listens = t->listens;
	d->slots = t->slots;
	d->links = t->links;
	d->theirs = t->theirs;
	d->index = (struct tuple_index){ .entries = t->entries,
		.buckets = t->buckets,
		.n_buckets = power_of_two(2 * slots) };
	d->wheel = (struct timer_wheel){ .buckets = t->wheel_buckets,
		.links = t->wheel_links,
		.places = t->places_of,
		.n_buckets = WHEEL_BUCKETS };
	d->clients = (struct client_count){ .entries = t->clients,
		.size = power_of_two(2 * slots) };
	secret_random(d->index.salt, sizeof(d->index.salt));
	secret_random(d->clients.salt, sizeof(d->clients.salt));
}

static void *
many(size_t n, size_t bytes, bool *ok)
{
	void *p = calloc(n + 1, bytes);

	*ok = *ok && p != NULL;
	return p;
}

static bool
allocate(struct director_role *role)
{
	const struct config *c = role->config;
	const size_t slots = c->kernel.slots;
	struct director_tables *t = role->tables;
	size_t listens = 0, servers = 0;
	bool ok = true;

	for (size_t i = 0; i < c->n_services; i++) {
		listens += c->services[i].n_listens;
		servers += c->services[i].n_servers;
	}
	t->services = many(c->n_services, sizeof(*t->services), &ok);
	t->listens = many(listens, sizeof(*t->listens), &ok);
	t->places = many(2 * listens + c->n_services, sizeof(*t->places), &ok);
	t->servers = many(servers, sizeof(*t->servers), &ok);
	t->balance = many(servers, sizeof(*t->balance), &ok);
	t->choices = many(CONFIG_SERVERS_MAX, sizeof(*t->choices), &ok);
	t->slots = many(slots, sizeof(*t->slots), &ok);
	t->links = many(slots, sizeof(*t->links), &ok);
	t->wheel_links = many(slots, sizeof(*t->wheel_links), &ok);
	t->theirs = many(slots, sizeof(*t->theirs), &ok);
	t->places_of = many(slots, sizeof(*t->places_of), &ok);
	t->entries = many(2 * slots, sizeof(*t->entries), &ok);
	t->buckets =
	    many(power_of_two(2 * c->kernel.slots), sizeof(*t->buckets), &ok);
	t->wheel_buckets = many(WHEEL_BUCKETS, sizeof(*t->wheel_buckets), &ok);
	t->clients =
	    many(power_of_two(2 * c->kernel.slots), sizeof(*t->clients), &ok);
	role->conns = many(slots, sizeof(*role->conns), &ok);
	return ok;
}

int
director_tables_new(struct director_role *role)
{
	role->tables = calloc(1, sizeof(*role->tables));
	if (role->tables == NULL || !allocate(role))
		return -ENOMEM;
	set_setup(role);
	set_services(role);
	set_listens(role);
	set_node(role);
	return 0;
}

void
director_tables_free(struct director_role *role)
{
	struct director_tables *t = role->tables;

	if (t == NULL)
		return;
	free(t->services);
	free(t->listens);
	free(t->places);
	free(t->servers);
	free(t->balance);
	free(t->choices);
	free(t->slots);
	free(t->links);
	free(t->wheel_links);
	free(t->theirs);
	free(t->places_of);
	free(t->entries);
	free(t->buckets);
	free(t->wheel_buckets);
	free(t->clients);
	free(role->conns);
	free(t);
	role->tables = NULL;
}

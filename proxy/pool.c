#include "proxy/pool.h"

#include "config/config.h"
#include "proxy/access.h"
#include "proxy/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
init_server(struct pool *p, size_t i, unsigned slot)
{
	const struct config_server *c = &p->config->servers[i];
	struct pool_server *s = &p->servers[i];

	s->config = c;
	s->slot = slot;
	s->admin = ACCORD_READY;
	s->weight = c->weight;
	s->has_address = c->host == NULL;
	s->address = c->address;
	s->up_since = mono_never();
	atomic_init(&s->state, SERVER_UNKNOWN);
	atomic_init(&s->role, SERVER_ROLE_UNSAID);
	atomic_init(&s->accused, false);
	atomic_init(&s->era, 0);
	p->slots[i].name_hash = balance_hash(c->name, strlen(c->name));
	if (p->config->has_source) {
		s->ports = ports_new();
		if (s->ports == NULL)
			return -ENOMEM;
	}
	return 0;
}

int
pool_init(struct pool *p, const struct config_service *config, unsigned index,
    unsigned first_slot)
{
	int e;

	*p = (struct pool){
		.config = config, .index = index, .n_servers = config->n_servers
	};
	p->active = config->mode == CONFIG_MODE_STANDBY ? 0 : POOL_NONE;
	atomic_init(&p->open, false);
	atomic_init(&p->was_cut, false);
	atomic_init(&p->n_waiting, 0);
	atomic_init(&p->n_granted, 0);
	gate_init(&p->gate, config->max_connections);
	(void)pthread_mutex_init(&p->lock, NULL);
	TAILQ_INIT(&p->queue);
	TAILQ_INIT(&p->granted);
	p->servers = calloc(p->n_servers, sizeof(*p->servers));
	p->slots = calloc(p->n_servers, sizeof(*p->slots));
	e = p->servers != NULL && p->slots != NULL ? 0 : -ENOMEM;
	if (e == 0)
		e = access_new(config, &p->access);
	for (size_t i = 0; e == 0 && i < p->n_servers; i++)
		e = init_server(p, i, first_slot + (unsigned)i);
	if (e < 0)
		pool_fini(p);
	return e;
}

void
pool_fini(struct pool *p)
{
	for (size_t i = 0; p->servers != NULL && i < p->n_servers; i++)
		ports_free(p->servers[i].ports);
	free(p->servers);
	free(p->slots);
	access_free(p->access);
	p->servers = NULL;
	p->slots = NULL;
	p->access = NULL;
	p->n_servers = 0;
	(void)pthread_mutex_destroy(&p->lock);
}

static bool
was_tried(size_t server, const struct pool_request *request)
{
	for (unsigned i = 0; i < request->n_tried; i++)
		if (request->tried[i] == server)
			return true;
	return false;
}

static bool
is_usable(const struct pool *p, struct pool_server *s)
{
	if (p->active != POOL_NONE && s != &p->servers[p->active])
		return false;
	return pool_server_state(s) == SERVER_UP && s->has_address &&
	    s->admin == ACCORD_READY && s->weight > 0;
}

/* Backups are for when no other is up at all. */
static bool
needs_backup(struct pool *p)
{
	for (size_t i = 0; i < p->n_servers; i++)
		if (!p->servers[i].config->backup &&
		    is_usable(p, &p->servers[i]))
			return false;
	return true;
}

static bool
is_full(const struct pool *p, size_t i)
{
	uint32_t limit = p->servers[i].config->max_connections;

	return limit > 0 && p->slots[i].load >= limit;
}

/*
 * Marks who is eligible, with the weight of this moment. Returns whether some
 * server was left out for being full alone.
 */
static bool
mark(struct pool *p, const struct pool_request *request)
{
	bool backup = needs_backup(p);
	bool full = false;

	for (size_t i = 0; i < p->n_servers; i++) {
		struct pool_server *s = &p->servers[i];
		struct balance_slot *slot = &p->slots[i];
		int64_t up_ms = INT64_MAX;

		slot->eligible = is_usable(p, s) &&
		    s->config->backup == backup && !was_tried(i, request);
		if (!slot->eligible)
			continue;
		if (is_full(p, i)) {
			slot->eligible = false;
			full = true;
		}
		if (!mono_is_never(s->up_since))
			up_ms = mono_span_ms(s->up_since, request->now);
		slot->weight =
		    balance_ramp(s->weight, up_ms, s->config->slow_start_ms);
	}
	return full;
}

static int
choose(struct pool *p, const struct pool_request *request)
{
	switch (p->config->balance) {
	case CONFIG_BALANCE_ROUNDROBIN:
		return balance_roundrobin(p->slots, p->n_servers);
	case CONFIG_BALANCE_LEASTCONN:
		return balance_leastconn(p->slots, p->n_servers);
	case CONFIG_BALANCE_SOURCE:
		return balance_source(
		    p->slots, p->n_servers, request->client_hash);
	case CONFIG_BALANCE_RANDOM:
		return balance_random(p->slots, p->n_servers, request->chance);
	}
	return BALANCE_NONE;
}

static void
occupy(struct pool *p, int server, struct pool_waiter *w)
{
	p->slots[server].load++;
	w->era = atomic_load(&p->servers[server].era);
}

static void
enqueue(
    struct pool *p, const struct pool_request *request, struct pool_waiter *w)
{
	w->client_hash = request->client_hash;
	w->chance = request->chance;
	w->waiting = POOL_WAITS;
	TAILQ_INSERT_TAIL(&p->queue, w, link);
	atomic_fetch_add(&p->n_waiting, 1);
}

int
pool_take(struct pool *p, const struct pool_request *request,
    struct pool_waiter *waiter)
{
	int server = BALANCE_NONE;
	bool full;

	(void)pthread_mutex_lock(&p->lock);
	full = mark(p, request);
	/* Who came earlier goes first, except for one that has been served a
	 * dead server: it has had its turn. */
	if (TAILQ_EMPTY(&p->queue) || request->n_tried > 0)
		server = choose(p, request);
	else
		full = true;
	if (server != BALANCE_NONE) {
		occupy(p, server, waiter);
	} else if (full) {
		enqueue(p, request, waiter);
		server = POOL_QUEUED;
	} else {
		server = POOL_NONE;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return server;
}

/* Gives free places to those at the head, as long as there are any. */
static void
grant(struct pool *p)
{
	struct pool_waiter *w;

	while ((w = TAILQ_FIRST(&p->queue)) != NULL) {
		const struct pool_request request = {
			.client_hash = w->client_hash,
			.chance = w->chance,
			.now = mono_now(),
		};
		int server;

		(void)mark(p, &request);
		server = choose(p, &request);
		if (server == BALANCE_NONE)
			return;
		occupy(p, server, w);
		TAILQ_REMOVE(&p->queue, w, link);
		atomic_fetch_sub(&p->n_waiting, 1);
		w->waiting = POOL_GRANTED;
		w->server = server;
		TAILQ_INSERT_TAIL(&p->granted, w, link);
		atomic_fetch_add(&p->n_granted, 1);
		w->wake(w->owner);
	}
}

void
pool_give(struct pool *p, int server)
{
	(void)pthread_mutex_lock(&p->lock);
	p->slots[server].load--;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

struct pool_waiter *
pool_collect(struct pool *p, const void *owner)
{
	struct pool_waiter *w;

	if (atomic_load(&p->n_granted) == 0)
		return NULL;
	(void)pthread_mutex_lock(&p->lock);
	TAILQ_FOREACH (w, &p->granted, link)
		if (w->owner == owner)
			break;
	if (w != NULL) {
		TAILQ_REMOVE(&p->granted, w, link);
		atomic_fetch_sub(&p->n_granted, 1);
		w->waiting = POOL_WAITS_NOT;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return w;
}

void
pool_leave(struct pool *p, struct pool_waiter *waiter)
{
	(void)pthread_mutex_lock(&p->lock);
	switch (waiter->waiting) {
	case POOL_WAITS_NOT:
		break;
	case POOL_WAITS:
		TAILQ_REMOVE(&p->queue, waiter, link);
		atomic_fetch_sub(&p->n_waiting, 1);
		break;
	case POOL_GRANTED:
		TAILQ_REMOVE(&p->granted, waiter, link);
		atomic_fetch_sub(&p->n_granted, 1);
		p->slots[waiter->server].load--;
		grant(p);
		break;
	}
	waiter->waiting = POOL_WAITS_NOT;
	(void)pthread_mutex_unlock(&p->lock);
}

/* Under the lock. */
static void
cut(struct pool *p, struct pool_server *server)
{
	atomic_fetch_add(&server->era, 1);
	atomic_store(&p->was_cut, true);
}

void
pool_set_state(struct pool *p, struct pool_server *server,
    enum server_state state, struct mono now)
{
	(void)pthread_mutex_lock(&p->lock);
	/* Not at the first start: there is nobody it would have to catch up
	 * with. */
	if (state == SERVER_UP && pool_server_state(server) != SERVER_UNKNOWN)
		server->up_since = now;
	atomic_store(&server->state, (int)state);
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_set_admin(
    struct pool *p, struct pool_server *server, enum accord_admin admin)
{
	(void)pthread_mutex_lock(&p->lock);
	server->admin = admin;
	if (admin == ACCORD_MAINT)
		cut(p, server);
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_set_weight(struct pool *p, struct pool_server *server, uint32_t weight)
{
	(void)pthread_mutex_lock(&p->lock);
	server->weight = weight;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_set_active(struct pool *p, unsigned server)
{
	(void)pthread_mutex_lock(&p->lock);
	if (p->active != (int)server) {
		cut(p, &p->servers[p->active]);
		p->active = (int)server;
		grant(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_look(
    struct pool *p, struct pool_server *server, struct pool_view *ret_view)
{
	(void)pthread_mutex_lock(&p->lock);
	*ret_view = (struct pool_view){
		.state = pool_server_state(server),
		.role = (enum server_role)atomic_load(&server->role),
		.admin = server->admin,
		.weight = server->weight,
		.usable = is_usable(p, server),
		.has_address = server->has_address,
		.address = server->address,
	};
	(void)pthread_mutex_unlock(&p->lock);
}

/* Under the lock, so that nobody gets a place between this and a new choice. */
void
pool_cut(struct pool *p, struct pool_server *server)
{
	(void)pthread_mutex_lock(&p->lock);
	cut(p, server);
	(void)pthread_mutex_unlock(&p->lock);
}

bool
pool_is_cut(struct pool *p, int server, const struct pool_waiter *waiter)
{
	return atomic_load(&p->servers[server].era) != waiter->era;
}

void
pool_set_address(
    struct pool *p, struct pool_server *server, const union addr *ip)
{
	uint16_t port = addr_port(&server->config->address);

	(void)pthread_mutex_lock(&p->lock);
	server->address = *ip;
	addr_set_port(&server->address, port);
	server->has_address = true;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

bool
pool_get_address(
    struct pool *p, struct pool_server *server, union addr *ret_address)
{
	bool known;

	(void)pthread_mutex_lock(&p->lock);
	known = server->has_address;
	*ret_address = server->address;
	(void)pthread_mutex_unlock(&p->lock);
	return known;
}

bool
pool_is_usable(struct pool *p)
{
	bool usable = false;

	(void)pthread_mutex_lock(&p->lock);
	for (size_t i = 0; !usable && i < p->n_servers; i++)
		usable = is_usable(p, &p->servers[i]);
	(void)pthread_mutex_unlock(&p->lock);
	return usable;
}

enum server_state
pool_server_state(struct pool_server *server)
{
	return (enum server_state)atomic_load_explicit(
	    &server->state, memory_order_relaxed);
}

unsigned
pool_count(struct pool *p, enum server_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n_servers; i++)
		n += pool_server_state(&p->servers[i]) == state;
	return n;
}

unsigned
pool_count_up(struct pool *p)
{
	return pool_count(p, SERVER_UP);
}

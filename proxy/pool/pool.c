#include "proxy/pool/pool.h"

#include "config/config.h"
#include "proxy/pool/acl.h"
#include "proxy/pool/client_limit.h"
#include "proxy/pool/source_ports.h"

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
	s->up_since = s->drained_since = mono_never();
	atomic_init(&s->state, SERVER_UNKNOWN);
	atomic_init(&s->role, SERVER_ROLE_UNSAID);
	atomic_init(&s->accused, false);
	atomic_init(&s->doubted, false);
	atomic_init(&s->proven, false);
	atomic_init(&s->era, 0);
	p->slots[i].name_hash = balance_hash(c->name, strlen(c->name));
	if (p->config->has_source) {
		s->ports = source_ports_new(p->config->shares_source);
		if (s->ports == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Backups in order are a tier each. */
static void
set_tiers(struct pool *p)
{
	unsigned last = 0;

	for (size_t i = 0; i < p->n_servers; i++)
		if (p->servers[i].config->backup)
			p->servers[i].tier =
			    p->config->backups == CONFIG_BACKUPS_ALL ? 1
			                                             : ++last;
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
	conn_limit_init(&p->limit, config->max_connections);
	(void)pthread_mutex_init(&p->lock, NULL);
	TAILQ_INIT(&p->queue);
	TAILQ_INIT(&p->granted);
	p->servers = calloc(p->n_servers, sizeof(*p->servers));
	p->slots = calloc(p->n_servers, sizeof(*p->slots));
	p->choices = calloc(p->n_servers, sizeof(*p->choices));
	e = p->servers != NULL && p->slots != NULL && p->choices != NULL
	    ? 0
	    : -ENOMEM;
	if (e == 0)
		e = acl_new(config, &p->acl);
	if (e == 0 && config->max_per_client > 0) {
		p->clients = client_limit_new(config->max_per_client);
		e = p->clients != NULL ? 0 : -ENOMEM;
	}
	for (size_t i = 0; e == 0 && i < p->n_servers; i++)
		e = init_server(p, i, first_slot + (unsigned)i);
	if (e < 0)
		pool_fini(p);
	else
		set_tiers(p);
	return e;
}

void
pool_fini(struct pool *p)
{
	for (size_t i = 0; p->servers != NULL && i < p->n_servers; i++)
		source_ports_free(p->servers[i].ports);
	free(p->servers);
	free(p->slots);
	free(p->choices);
	acl_free(p->acl);
	client_limit_free(p->clients);
	(void)pthread_mutex_destroy(&p->lock);
	*p = (struct pool){ 0 };
}

static bool
is_usable(const struct pool *p, struct pool_server *s)
{
	if (p->active != POOL_NONE && s != &p->servers[p->active])
		return false;
	return (pool_server_state(s) == SERVER_UP || s->trial) &&
	    s->has_address && s->admin == ACCORD_READY && s->weight > 0;
}

static bool
is_full(const struct pool *p, size_t i)
{
	uint32_t limit = p->servers[i].config->max_connections;

	return limit > 0 && p->slots[i].load >= limit;
}

/* How each server stands, for this one. */
static enum pool_choice
look(struct pool *p, const struct pool_waiter *w, unsigned *ret_tier)
{
	for (size_t i = 0; i < p->n_servers; i++) {
		struct pool_server *s = &p->servers[i];

		p->choices[i] = (struct pool_choice_server){
			.usable = is_usable(p, s),
			.full = is_full(p, i),
			.tier = s->tier,
		};
	}
	for (unsigned i = 0; i < w->n_tried; i++)
		p->choices[w->tried[i]].tried = true;
	return pool_choice_look(p->choices, p->n_servers, ret_tier);
}

/*
 * Who of the tier may be chosen, with the weight of this moment. Whether that
 * stays so until a server is set to something: no weight grows, no limit is
 * reached, and nobody is on trial.
 */
static bool
mark(struct pool *p, unsigned tier, struct mono now)
{
	bool steady = true;

	for (size_t i = 0; i < p->n_servers; i++) {
		struct pool_server *s = &p->servers[i];
		struct balance_slot *slot = &p->slots[i];
		int64_t up_ms = INT64_MAX;

		slot->eligible = pool_choice_has(&p->choices[i], tier);
		steady = steady && s->config->max_connections == 0 && !s->trial;
		if (!slot->eligible)
			continue;
		if (!mono_is_never(s->up_since))
			up_ms = mono_span_ms(s->up_since, now);
		steady = steady && up_ms >= s->config->slow_start_ms;
		slot->weight =
		    balance_ramp(s->weight, up_ms, s->config->slow_start_ms);
	}
	return steady;
}

static int
balance(struct pool *p, const struct pool_waiter *w)
{
	switch (p->config->balance) {
	case CONFIG_BALANCE_ROUNDROBIN:
		return balance_roundrobin(p->slots, p->n_servers);
	case CONFIG_BALANCE_LEASTCONN:
		return balance_leastconn(p->slots, p->n_servers);
	case CONFIG_BALANCE_SOURCE:
		return balance_source(p->slots, p->n_servers, w->client_hash);
	case CONFIG_BALANCE_RANDOM:
		return balance_random(p->slots, p->n_servers, w->chance);
	}
	return BALANCE_NONE;
}

/* A place for this one, or POOL_NONE and what it would have to wait for. */
static int
find_place(struct pool *p, struct pool_waiter *w, struct mono now,
    enum pool_choice *ret_wants)
{
	unsigned tier;
	int server;

	*ret_wants = p->held ? POOL_CHOICE_PLACE : POOL_CHOICE_SERVER;
	if (p->held)
		return POOL_NONE;
	if (!p->marked || w->n_tried > 0) {
		p->marked = false;
		*ret_wants = look(p, w, &tier);
		if (*ret_wants != POOL_CHOICE_SERVER)
			return POOL_NONE;
		p->marked = mark(p, tier, now) && w->n_tried == 0;
	}
	server = balance(p, w);
	p->slots[server].load++;
	p->servers[server].trial = false;
	w->era = atomic_load(&p->servers[server].era);
	return server;
}

/*
 * After each change grant() has given away whatever somebody in the queue can
 * have: so what is free now is of use to nobody there, and is for the taking.
 */
int
pool_take(struct pool *p, struct pool_waiter *waiter, struct mono now,
    enum pool_choice *ret_wants)
{
	int server;

	(void)pthread_mutex_lock(&p->lock);
	server = find_place(p, waiter, now, ret_wants);
	if (server == POOL_NONE) {
		waiter->waiting = POOL_WAITS;
		waiter->ticket = p->next_ticket++;
		TAILQ_INSERT_TAIL(&p->queue, waiter, link);
		atomic_fetch_add(&p->n_waiting, 1);
		server = POOL_QUEUED;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return server;
}

/* Whether one that has the same servers behind it was refused just now. */
static bool
is_like(const struct pool_waiter *w, const struct pool_waiter *refused)
{
	return refused != NULL && w->n_tried == refused->n_tried &&
	    memcmp(w->tried, refused->tried, w->n_tried * sizeof(*w->tried)) ==
	    0;
}

/*
 * Gives free places to those who wait, the first one first. One who cannot have
 * what is free stays, and those behind it are asked all the same. Many have
 * tried the same servers: they are not looked at one by one.
 */
static void
grant(struct pool *p)
{
	struct pool_waiter *w = TAILQ_FIRST(&p->queue), *next;
	const struct pool_waiter *refused = NULL, *fresh = NULL;
	const struct mono now = w != NULL ? mono_now() : mono_never();
	enum pool_choice ignored;

	for (; w != NULL && !p->held; w = next) {
		int server = POOL_NONE;

		next = TAILQ_NEXT(w, link);
		if (!is_like(w, refused) && !is_like(w, fresh))
			server = find_place(p, w, now, &ignored);
		if (server == POOL_NONE) {
			*(w->n_tried == 0 ? &fresh : &refused) = w;
			continue;
		}
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
pool_forget(struct pool *p, struct pool_waiter *waiter)
{
	(void)pthread_mutex_lock(&p->lock);
	waiter->n_tried = 0;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

static void
forgive(struct pool_waiter *w, uint16_t server)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_tried; i++)
		if (w->tried[i] != server)
			w->tried[n++] = w->tried[i];
	w->n_tried = (uint16_t)n;
}

/* Under the lock. */
static void
forgive_all(struct pool *p, const struct pool_server *server)
{
	struct pool_waiter *w;

	TAILQ_FOREACH (w, &p->queue, link)
		forgive(w, (uint16_t)(server - p->servers));
}

void
pool_set_trial(struct pool *p, struct pool_server *server)
{
	(void)pthread_mutex_lock(&p->lock);
	server->trial = true;
	p->marked = false;
	forgive_all(p, server);
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_forgive(struct pool *p, struct pool_server *server)
{
	(void)pthread_mutex_lock(&p->lock);
	forgive_all(p, server);
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
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

bool
pool_suspend(struct pool *p, struct pool_waiter *waiter)
{
	bool waits;

	(void)pthread_mutex_lock(&p->lock);
	waits = waiter->waiting == POOL_WAITS;
	if (waits) {
		TAILQ_REMOVE(&p->queue, waiter, link);
		atomic_fetch_sub(&p->n_waiting, 1);
		waiter->waiting = POOL_WAITS_NOT;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return waits;
}

void
pool_resume(struct pool *p, struct pool_waiter *waiter)
{
	struct pool_waiter *w;

	(void)pthread_mutex_lock(&p->lock);
	waiter->waiting = POOL_WAITS;
	/* The last comes first: most of them belong to the head. */
	TAILQ_FOREACH (w, &p->queue, link)
		if (w->ticket > waiter->ticket)
			break;
	if (w != NULL)
		TAILQ_INSERT_BEFORE(w, waiter, link);
	else
		TAILQ_INSERT_TAIL(&p->queue, waiter, link);
	atomic_fetch_add(&p->n_waiting, 1);
	if (p->next_ticket <= waiter->ticket)
		p->next_ticket = waiter->ticket + 1;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_hold(struct pool *p, bool hold)
{
	(void)pthread_mutex_lock(&p->lock);
	p->held = hold;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_set_elsewhere(struct pool *p, struct pool_server *server,
    enum pool_elsewhere who, uint32_t n)
{
	(void)pthread_mutex_lock(&p->lock);
	p->slots[server - p->servers].load += n - server->elsewhere[who];
	server->elsewhere[who] = n;
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

uint64_t
pool_raise_tickets(struct pool *p, uint64_t least)
{
	uint64_t next;

	(void)pthread_mutex_lock(&p->lock);
	next = p->next_ticket < least ? least : p->next_ticket;
	p->next_ticket = next;
	(void)pthread_mutex_unlock(&p->lock);
	return next;
}

void
pool_enter(struct pool *p, int server, struct pool_waiter *waiter)
{
	(void)pthread_mutex_lock(&p->lock);
	p->slots[server].load++;
	waiter->era = atomic_load(&p->servers[server].era);
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
	server->trial = false;
	p->marked = false;
	if (state == SERVER_UP)
		forgive_all(p, server);
	grant(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
pool_set_admin(
    struct pool *p, struct pool_server *server, enum accord_admin admin)
{
	(void)pthread_mutex_lock(&p->lock);
	server->admin = admin;
	p->marked = false;
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
	p->marked = false;
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
		p->marked = false;
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
		.active =
		    p->active == POOL_NONE || server == &p->servers[p->active],
		.usable = is_usable(p, server),
		.has_address = server->has_address,
		.address = server->address,
		.up_since = server->up_since,
		.load = p->slots[server - p->servers].load,
		.kernel = server->elsewhere[POOL_KERNEL],
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
	(void)pthread_mutex_lock(&p->lock);
	server->address = *ip;
	addr_set_port(&server->address, addr_port(&server->config->address));
	server->has_address = true;
	p->marked = false;
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

unsigned
pool_count(struct pool *p, enum server_state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n_servers; i++)
		n += pool_server_state(&p->servers[i]) == state;
	return n;
}

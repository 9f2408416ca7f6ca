#include "proxy/transfer/service_state.h"

#include "config/config.h"
#include "proxy/health/check.h"
#include "proxy/pool/pool.h"
#include "proxy/services.h"
#include "proxy/transfer/service_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whoever comes into a queue of the relay before this one from now on is still
 * ahead of whoever comes here first.
 */
#define TICKETS_BETWEEN ((uint64_t)1 << 32)

/* More than that at one server are none: with ours the sum would overflow. */
#define STAYS_MAX ((uint32_t)1 << 30)

_Static_assert(END_REASON_COUNT <= SERVICE_RECORD_ENDINGS_MAX,
    "a record has room for each way to end");
_Static_assert(PROBE_JUDGE_DETAIL_MAX == SERVICE_RECORD_DETAIL_MAX,
    "and for what a check says");
_Static_assert((int)SERVICE_RECORD_DRAIN == (int)SERVER_DRAIN &&
        (int)SERVICE_RECORD_STANDBY == (int)SERVER_ROLE_STANDBY,
    "states and roles have the same numbers");

int
service_state_init(struct service_state_told *t, const struct services *r)
{
	t->servers = calloc(r->shared.n_servers + 1, sizeof(*t->servers));
	t->loads = calloc(r->shared.n_servers + 1, sizeof(*t->loads));
	t->services = calloc(r->shared.n_pools + 1, sizeof(*t->services));
	return t->servers != NULL && t->loads != NULL && t->services != NULL
	    ? 0
	    : -ENOMEM;
}

void
service_state_fini(struct service_state_told *t)
{
	free(t->servers);
	free(t->loads);
	free(t->services);
	*t = (struct service_state_told){ 0 };
}

static void
describe_sum(struct service_record *r, const struct counters_sum *now,
    const struct counters_sum *told)
{
	r->total = now->total - told->total;
	r->failed = now->failed - told->failed;
	r->bytes_in = now->bytes_in - told->bytes_in;
	r->bytes_out = now->bytes_out - told->bytes_out;
}

static bool
describe_service(struct services *r, struct service_state_told *t, size_t i,
    struct service_record *ret)
{
	struct counters_service_sum now = services_sum_service(r, i);
	struct counters_service_sum *told = &t->services[i];
	const bool news = memcmp(&now, told, sizeof(now)) != 0;

	describe_sum(ret, &now.sum, &told->sum);
	ret->retries = now.retries - told->retries;
	ret->denied = now.denied - told->denied;
	ret->too_many = now.too_many - told->too_many;
	for (unsigned k = 0; k < END_REASON_COUNT; k++)
		ret->endings[k] = now.endings[k] - told->endings[k];
	ret->next_ticket = pool_raise_tickets(&r->shared.pools[i], 0);
	*told = now;
	return news;
}

static bool
describe_server(struct services *r, struct service_state_told *t,
    const struct pool_server *server, uint32_t load, struct service_record *ret)
{
	struct counters_sum now = services_sum_server(r, server->slot);
	struct counters_sum *told = &t->servers[server->slot];
	const bool news = memcmp(&now, told, sizeof(now)) != 0 ||
	    load != t->loads[server->slot];

	(void)stpcpy(ret->server, server->config->name);
	describe_sum(ret, &now, told);
	ret->load = load;
	*told = now;
	t->loads[server->slot] = load;
	return news;
}

static uint64_t
span_ns(struct mono from, struct mono to)
{
	return mono_before(from, to) ? (uint64_t)(to.ns - from.ns) : 0;
}

static void
describe_past(struct check *c, struct service_record *ret)
{
	const struct mono now = mono_now();
	struct check_past p;

	check_tell_past(c, &p);
	ret->has_past = p.state != SERVER_UNKNOWN;
	ret->state = (uint8_t)p.state;
	ret->role = (uint8_t)p.role;
	ret->flags = (uint8_t)((p.view.passed ? SERVICE_RECORD_PASSED : 0) |
	    (p.accused ? SERVICE_RECORD_ACCUSED : 0) |
	    (p.doubted ? SERVICE_RECORD_DOUBTED : 0));
	if (!mono_is_never(p.up_since)) {
		ret->flags |= SERVICE_RECORD_CAME_UP;
		ret->up_ns = span_ns(p.up_since, now);
	}
	ret->streak = p.streak;
	ret->unasked = p.unasked;
	ret->deaf_ns = span_ns(now, p.heard);
	ret->since_wall_ms = (uint64_t)p.view.since_wall_ms;
	ret->latency_us = (uint64_t)(p.view.latency_ms * 1000.);
	memcpy(ret->detail, p.view.detail, sizeof(ret->detail));
	if (p.has_address)
		ret->address = p.address;
}

static void
describe_drain(const struct pool_server *s, struct service_record *ret)
{
	if (!mono_is_never(s->drained_since))
		ret->drained_ns = span_ns(s->drained_since, mono_now());
}

bool
service_state_describe(struct services *r, struct service_state_told *t,
    size_t service, int server, bool past, struct service_record *ret_record)
{
	struct pool *p = &r->shared.pools[service];
	struct pool_view view;
	bool news;

	*ret_record = (struct service_record){ .service = "" };
	(void)stpcpy(ret_record->service, p->config->name);
	if (server < 0)
		return describe_service(r, t, service, ret_record) || past;
	pool_look(p, &p->servers[server], &view);
	/*
	 * Before it gives them, all of them would be counted twice; and those
	 * of the kernel are nobody's, so that each relay hears of them itself.
	 */
	news = describe_server(r, t, &p->servers[server],
	    past ? 0 : view.load - view.kernel, ret_record);
	if (past) {
		describe_past(&r->checks[p->servers[server].slot], ret_record);
		describe_drain(&p->servers[server], ret_record);
	}
	return news || past;
}

/* A span of more than a century is none, and would overflow. */
static int64_t
us_of(uint64_t ns)
{
	return ns < INT64_MAX / 2 ? (int64_t)(ns / 1000) : INT64_MAX / 2000;
}

static void
add_sum(struct counters_sum *to, const struct service_record *r)
{
	to->total += r->total;
	to->failed += r->failed;
	to->bytes_in += r->bytes_in;
	to->bytes_out += r->bytes_out;
}

static void
take_service(struct services *r, size_t i, const struct service_record *record)
{
	struct counters_service_sum *to = &r->past_services[i];

	add_sum(&to->sum, record);
	to->retries += record->retries;
	to->denied += record->denied;
	to->too_many += record->too_many;
	for (unsigned k = 0; k < END_REASON_COUNT; k++)
		to->endings[k] += record->endings[k];
	(void)pool_raise_tickets(
	    &r->shared.pools[i], record->next_ticket + TICKETS_BETWEEN);
}

static struct check_past
past_of(const struct service_record *record)
{
	const struct mono now = mono_now();
	struct check_past p = {
		.state = (enum server_state)record->state,
		.role = (enum server_role)record->role,
		.streak = record->streak,
		.unasked = record->unasked,
		.heard = mono_add_us(now, us_of(record->deaf_ns)),
		.up_since = mono_never(),
		.accused = (record->flags & SERVICE_RECORD_ACCUSED) != 0,
		.doubted = (record->flags & SERVICE_RECORD_DOUBTED) != 0,
		.has_address = record->address.sa.sa_family != AF_UNSPEC,
		.address = record->address,
		.view = { .passed =
		              (record->flags & SERVICE_RECORD_PASSED) != 0,
		    .latency_ms = (double)record->latency_us / 1000.,
		    .since_wall_ms = record->since_wall_ms < INT64_MAX / 2
		        ? (int64_t)record->since_wall_ms
		        : 0 },
	};

	if ((record->flags & SERVICE_RECORD_CAME_UP) != 0)
		p.up_since = mono_add_us(now, -us_of(record->up_ns));
	memcpy(p.view.detail, record->detail, sizeof(p.view.detail));
	return p;
}

/* If it still does: an operator's word of today is here already. */
static void
take_drain(struct pool_server *s, const struct service_record *record)
{
	const struct mono since =
	    mono_add_us(mono_now(), -us_of(record->drained_ns));

	if (!mono_is_never(s->drained_since))
		s->drained_since = mono_min(s->drained_since, since);
}

/* By their names; NULL, and `ret_service` too: it is not in this file. */
static struct pool_server *
find(struct services *r, const struct service_record *record,
    struct pool **ret_pool)
{
	*ret_pool = NULL;
	for (size_t i = 0; i < r->shared.n_pools && *ret_pool == NULL; i++)
		if (strcmp(r->shared.pools[i].config->name, record->service) ==
		    0)
			*ret_pool = &r->shared.pools[i];
	for (size_t i = 0; *ret_pool != NULL && i < (*ret_pool)->n_servers; i++)
		if (strcmp((*ret_pool)->servers[i].config->name,
		        record->server) == 0)
			return &(*ret_pool)->servers[i];
	return NULL;
}

void
service_state_take(struct services *r, const struct service_record *record)
{
	const struct check_past past = past_of(record);
	struct pool *p;
	struct pool_server *s = find(r, record, &p);

	if (p != NULL && record->server[0] == '\0')
		take_service(r, p->index, record);
	if (s == NULL)
		return;
	add_sum(&r->past_servers[s->slot], record);
	take_drain(s, record);
	if (record->has_past != 0)
		check_take_past(&r->checks[s->slot], &past);
}

void
service_state_take_stays(
    struct services *r, const struct service_record *record)
{
	struct pool *p;
	struct pool_server *s = find(r, record, &p);

	if (s != NULL)
		pool_set_elsewhere(p, s, POOL_BEFORE,
		    record->load < STAYS_MAX ? record->load : STAYS_MAX);
}

void
service_state_forget_stays(struct services *r)
{
	for (size_t i = 0; i < r->shared.n_pools; i++) {
		struct pool *p = &r->shared.pools[i];

		for (size_t k = 0; k < p->n_servers; k++)
			pool_set_elsewhere(p, &p->servers[k], POOL_BEFORE, 0);
	}
}

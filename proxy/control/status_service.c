#include "proxy/control/status_service.h"

#include "config/servers_told.h"
#include "core/json_doc.h"
#include "core/wall_clock.h"
#include "proxy/control/standby.h"
#include "proxy/control/status.h"
#include "proxy/control/status_kernel.h"
#include "proxy/health/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Fewer clients that said nothing may be of those who only knock. */
#define SILENT_LEAST 3

static struct json_doc *
put_sums(struct json_doc *at, const struct counters_sum *sum)
{
	struct json_doc *connections = json_doc_put_object(at, "connections");
	struct json_doc *bytes = json_doc_put_object(at, "bytes");

	json_doc_put_int(connections, "active", (int64_t)sum->active);
	json_doc_put_int(connections, "total", (int64_t)sum->total);
	json_doc_put_int(connections, "failed", (int64_t)sum->failed);
	json_doc_put_int(bytes, "in", (int64_t)sum->bytes_in);
	json_doc_put_int(bytes, "out", (int64_t)sum->bytes_out);
	return connections;
}

/* How connections ended, by words; only those that did. */
static void
put_endings(struct json_doc *at, const struct counters_service_sum *sums)
{
	struct json_doc *endings = json_doc_put_object(at, "endings");

	for (enum end_reason e = 0; e < END_REASON_COUNT; e++)
		if (sums->endings[e] > 0)
			json_doc_put_int(endings, end_reason_words(e),
			    (int64_t)sums->endings[e]);
}

static void
put_check(struct json_doc *server, const struct config_check *config,
    const struct status_server *s)
{
	const struct check_view *c = s->check;
	const char *last = c->passed ? "ok" : "failed";
	struct json_doc *at = json_doc_put_object(server, "check");

	json_doc_put_string(at, "type", config_check_type_words[config->type]);
	json_doc_put_string(at, "last", c->since_wall_ms != 0 ? last : NULL);
	json_doc_put_string(at, "detail", c->detail);
	json_doc_put_real(at, "latency_ms", c->latency_ms);
	status_put_wall(at, "since", c->since_wall_ms);
	if (config->role != NULL)
		json_doc_put_string(at, "role", server_role_name(s->view.role));
}

/* As the file says it. */
static const char *
address_of(const struct config_server *c,
    char buf[static CONFIG_HOST_MAX + ADDR_TEXT_MAX])
{
	if (c->host == NULL)
		return addr_format(&c->address, buf);
	(void)snprintf(buf, CONFIG_HOST_MAX + ADDR_TEXT_MAX, "%s:%u", c->host,
	    addr_port(&c->address));
	return buf;
}

/* And for a name what it has been resolved to. */
static void
put_address(struct json_doc *at, const struct config_server *c,
    const struct status_server *s)
{
	char text[CONFIG_HOST_MAX + ADDR_TEXT_MAX];

	json_doc_put_string(at, "address", address_of(c, text));
	if (c->host != NULL)
		json_doc_put_string(at, "resolved",
		    s != NULL && s->view.has_address
		        ? addr_format(&s->view.address, text)
		        : NULL);
}

/*
 * Who has set it to something else than the file, when and why; of both, what
 * keeps clients from it is what people ask for.
 */
static void
put_set(struct json_doc *server, const struct status *r,
    const struct config_server *c, const struct status_server *s)
{
	const struct pool_word *w =
	    s->view.admin != ACCORD_READY ? &s->admin_word : &s->weight_word;
	char time[WALL_CLOCK_TEXT_MAX];
	struct json_doc *at;

	if (w->by == 0 || w->by > CONFIG_NODES ||
	    (s->view.admin == ACCORD_READY && s->view.weight == c->weight)) {
		json_doc_put_null(server, "set");
		return;
	}
	at = json_doc_put_object(server, "set");
	json_doc_put_string(at, "by",
	    r->config->has_pair ? r->config->pair.nodes[w->by - 1].name : "");
	json_doc_put_string(at, "since",
	    w->said.wall_ms != 0 ? wall_clock_format(w->said.wall_ms, time)
	                         : NULL);
	json_doc_put_string(
	    at, "reason", w->said.reason[0] != '\0' ? w->said.reason : NULL);
}

static void
put_server(struct json_doc *servers, const struct status *r,
    const struct config_server *c, const struct status_server *s)
{
	struct json_doc *at = json_doc_put_object(servers, NULL);

	json_doc_put_string(at, "name", c->name);
	put_address(at, c, s);
	json_doc_put_string(at, "state",
	    server_state_name(s != NULL ? s->view.state : SERVER_UNKNOWN));
	json_doc_put_string(at, "admin",
	    s != NULL ? accord_admin_name(s->view.admin) : "unknown");
	json_doc_put_bool(at, "active", s != NULL && s->view.usable);
	json_doc_put_int(at, "weight", s != NULL ? s->view.weight : c->weight);
	json_doc_put_int(at, "configured_weight", c->weight);
	if (s == NULL)
		return;
	put_set(at, r, c, s);
	json_doc_put_int(put_sums(at, &s->sum), "limit", c->max_connections);
	put_check(at, &c->check, s);
}

/* Of who waits for the client to speak first, while none ever does. */
static uint64_t
silent_clients(const struct config_service *c, const struct status_service *s)
{
	const uint64_t n = s->sums.endings[END_REASON_CLIENT_SILENT];

	if (c->connect != CONFIG_CONNECT_AT_FIRST_BYTE || n < SILENT_LEAST)
		return 0;
	for (size_t i = 0; i < c->n_servers; i++)
		if (s->servers[i].sum.total > 0)
			return 0;
	return n;
}

/* What will happen when, as far as this node decides it. */
static void
put_plan(struct json_doc *at, const struct status *r,
    const struct config_service *c, const struct standby *s)
{
	const struct mono hold_end =
	    mono_add_ms(s->since[s->active], c->hold_ms);
	const bool ill = s->hosts[s->active].fitness == STANDBY_UNFIT;
	const bool holds =
	    s->phase == STANDBY_STEADY && ill && mono_before(r->now, hold_end);
	const bool fences = s->phase == STANDBY_FENCING;
	const bool retries =
	    s->phase == STANDBY_BLOCKED && s->trouble == STANDBY_FENCE_FAILED;
	int64_t retry_ms = r->wall_ms;

	json_doc_put_string(
	    at, "next", fences ? c->servers[s->target].name : NULL);
	status_put_wall(at, "hold_until",
	    holds ? r->wall_ms + mono_span_ms(r->now, hold_end) : 0);
	json_doc_put_real(at, "fence_timeout_s", c->fence_timeout_ms / 1e3);
	if (mono_before(r->now, s->retry))
		retry_ms += mono_span_ms(r->now, s->retry);
	status_put_wall(at, "retry_at", retries ? retry_ms : 0);
}

static void
put_standby(struct json_doc *service, const struct status *r, size_t i)
{
	const struct config_service *c = &r->config->services[i];
	const struct standby *s =
	    r->services != NULL ? r->services[i].standby : NULL;
	const char *trouble = NULL, *fault;
	struct json_doc *at;

	if (s == NULL)
		return;
	fault = r->services[i].fence_fault;
	at = json_doc_put_object(service, "standby");
	json_doc_put_string(at, "group", c->standby_group);
	json_doc_put_string(at, "active", c->servers[s->active].name);
	json_doc_put_int(at, "epoch", (int64_t)s->epoch);
	json_doc_put_bool(at, "decides", s->phase != STANDBY_FOLLOWS);
	json_doc_put_string(at, "phase", standby_phase_name(s->phase));
	if (s->trouble != STANDBY_NO_TROUBLE)
		trouble = standby_trouble_text(s->trouble);
	json_doc_put_string(at, "trouble", trouble);
	json_doc_put_string(at, "fence_fault",
	    s->trouble == STANDBY_FENCE_FAILED && fault[0] != '\0' ? fault
	                                                           : NULL);
	/* What is wrong is said once, of a group by its first service. */
	json_doc_put_bool(
	    at, "leads", config_standby_leader(r->config, i) == i);
	put_plan(at, r, c, s);
}

static void
put_servers_told(struct json_doc *service, const struct status *r,
    const struct config_service *c)
{
	const enum servers_told told = servers_told_of(r->config, c);

	if (told == SERVERS_TOLD_VOID)
		json_doc_put_null(service, "servers_told");
	else
		json_doc_put_bool(
		    service, "servers_told", told == SERVERS_TOLD_YES);
}

/* Of databases that would hold what clients of a dead host began. */
void
status_service_hint(
    struct json_doc *hints, const struct status *r, size_t number)
{
	const struct config_service *c = &r->config->services[number];
	const union addr *source = servers_told_source(r->config, c);
	char ip[ADDR_TEXT_MAX];
	char text[512] = "";
	uint64_t n;

	if (r->services == NULL || source == NULL ||
	    servers_told_of(r->config, c) != SERVERS_TOLD_NO ||
	    !servers_told_matters(c))
		return;
	n = r->services[number].sums.sum.active;
	n -= n < r->services[number].queued ? n : r->services[number].queued;
	/* Those go on. */
	if (r->kernel != NULL)
		n -= r->kernel->services[number].protected;
	if (n > 0)
		(void)snprintf(text, sizeof(text),
		    "service %s: should this host die, the servers of its %" PRIu64
		    " connections are not told, and keep sessions and locks until their own patience ends; 'source: %s' lets them be told",
		    c->name, n, addr_format_ip(source, ip));
	if (*text != '\0')
		json_doc_put_string(hints, NULL, text);
}

/* Of a server that is up in a service that is, troubles ask no more. */
static void
put_server_brief(struct json_doc *servers, const struct config_server *c,
    const struct status_server *s, bool serves)
{
	struct json_doc *at = json_doc_put_object(servers, NULL);
	const enum server_state state =
	    s != NULL ? s->view.state : SERVER_UNKNOWN;
	char address[CONFIG_HOST_MAX + ADDR_TEXT_MAX];

	json_doc_put_string(at, "name", c->name);
	json_doc_put_string(at, "address", address_of(c, address));
	json_doc_put_string(at, "state", server_state_name(state));
	if (s == NULL || (serves && state == SERVER_UP))
		return;
	json_doc_put_string(at, "admin", accord_admin_name(s->view.admin));
	at = json_doc_put_object(at, "check");
	json_doc_put_string(at, "detail", s->check->detail);
	status_put_wall(at, "since", s->check->since_wall_ms);
}

void
status_service_put_brief(
    struct json_doc *services, const struct status *r, size_t number)
{
	const struct config_service *c = &r->config->services[number];
	const struct status_service *s =
	    r->services != NULL ? &r->services[number] : NULL;
	const char *state = s != NULL ? s->state : "unknown";
	struct json_doc *at = json_doc_put_object(services, NULL);
	struct json_doc *part;

	json_doc_put_string(at, "name", c->name);
	json_doc_put_string(at, "state", state);
	json_doc_put_real(at, "queue_s", c->timeouts.queue_ms / 1e3);
	put_standby(at, r, number);
	if (s != NULL) {
		part = json_doc_put_object(at, "connections");
		json_doc_put_int(part, "active", (int64_t)s->sums.sum.active);
		json_doc_put_int(part, "limit", c->max_connections);
		json_doc_put_int(
		    at, "silent_clients", (int64_t)silent_clients(c, s));
	}
	part = json_doc_put_array(at, "servers");
	for (size_t i = 0; i < c->n_servers; i++)
		put_server_brief(part, &c->servers[i],
		    s != NULL ? &s->servers[i] : NULL,
		    strcmp(state, "up") == 0);
}

static void
put_connections(struct json_doc *service, const struct config_service *c,
    const struct status_service *s, unsigned held)
{
	struct json_doc *at = put_sums(service, &s->sums.sum);

	json_doc_put_int(at, "limit", c->max_connections);
	json_doc_put_int(at, "queued", (int64_t)s->queued + held);
	json_doc_put_int(at, "retries", (int64_t)s->sums.retries);
	json_doc_put_int(at, "denied", (int64_t)s->sums.denied);
	json_doc_put_int(at, "too_many", (int64_t)s->sums.too_many);
	put_endings(service, &s->sums);
	json_doc_put_int(
	    service, "silent_clients", (int64_t)silent_clients(c, s));
}

void
status_service_put(struct json_doc *services, const struct status *r,
    size_t number, bool without_v6)
{
	const struct config_service *c = &r->config->services[number];
	const struct status_service *s =
	    r->services != NULL ? &r->services[number] : NULL;
	struct json_doc *at = json_doc_put_object(services, NULL);
	struct json_doc *list;
	char address[ADDR_TEXT_MAX];

	json_doc_put_string(at, "name", c->name);
	json_doc_put_string(at, "mode", config_mode_words[c->mode]);
	json_doc_put_string(at, "balance", config_balance_words[c->balance]);
	json_doc_put_string(at, "state", s != NULL ? s->state : "unknown");
	json_doc_put_real(at, "queue_s", c->timeouts.queue_ms / 1e3);
	put_servers_told(at, r, c);
	status_kernel_put_service(at, r, number);
	put_standby(at, r, number);
	list = json_doc_put_array(at, "listen");
	for (size_t i = 0; i < c->n_listens; i++)
		if (!without_v6 || !config_is_star_v6(c, i))
			json_doc_put_string(list, NULL,
			    addr_format(&c->listens[i].address, address));
	if (s != NULL)
		put_connections(at, c, s,
		    r->kernel != NULL ? r->kernel->services[number].held : 0);
	list = json_doc_put_array(at, "servers");
	for (size_t i = 0; i < c->n_servers; i++)
		put_server(
		    list, r, &c->servers[i], s != NULL ? &s->servers[i] : NULL);
}

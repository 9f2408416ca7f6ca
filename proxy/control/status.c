#include "proxy/control/status.h"

#include "core/json_doc.h"
#include "core/version.h"
#include "core/wall_clock.h"
#include "proxy/control/standby.h"
#include "proxy/health/check.h"

#include <stdarg.h>
#include <stdio.h>

static void problem(struct jdoc *problems, const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
problem(struct jdoc *problems, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jdoc_put_string(problems, NULL, text);
}

static void
put_wall(struct jdoc *at, const char *key, int64_t wall_ms)
{
	char text[WALL_TEXT_MAX];

	jdoc_put_string(
	    at, key, wall_ms != 0 ? wall_format(wall_ms, text) : NULL);
}

static void
put_config(struct jdoc *doc, const struct report *r, struct jdoc *problems)
{
	struct jdoc *at = jdoc_put_object(doc, "config");
	char hash[2 * CONFIG_HASH_BYTES + 1];

	for (size_t i = 0; i < CONFIG_HASH_BYTES; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", r->config->hash[i]);
	jdoc_put_string(at, "path", r->start->path);
	jdoc_put_string(at, "hash", hash);
	put_wall(at, "loaded_at", r->start->loaded_wall_ms);
	if (r->peer == NULL || !r->peer->config_known) {
		jdoc_put_null(at, "peer_matches");
		return;
	}
	jdoc_put_bool(at, "peer_matches", r->peer->config_matches);
	if (!r->peer->config_matches)
		problem(problems, "the peer runs another configuration");
}

static const char *
track_name(const struct config_track *t)
{
	switch (config_track_kind(t)) {
	case CONFIG_TRACK_INTERFACE:
		return t->interface;
	case CONFIG_TRACK_SERVICE:
		return t->service;
	case CONFIG_TRACK_SCRIPT:
		return t->script;
	}
	return "";
}

/* The same for every group: all hang on what the node is worth. */
static void
put_tracks(struct jdoc *group, const struct report *r)
{
	const struct config_pair *pair = &r->config->pair;
	const struct msg_tracks *m = r->tracks;
	struct jdoc *list = jdoc_put_array(group, "track");

	for (size_t i = 0; i < pair->n_tracks; i++) {
		const struct config_track *t = &pair->tracks[i];
		struct jdoc *at = jdoc_put_object(list, NULL);

		jdoc_put_string(
		    at, "kind", config_track_kind_name(config_track_kind(t)));
		jdoc_put_string(at, "name", track_name(t));
		if (m != NULL && i < m->n)
			jdoc_put_bool(at, "ok", m->ok[i]);
		else
			jdoc_put_null(at, "ok");
		if (t->weight > 0)
			jdoc_put_int(at, "weight", t->weight);
		else
			jdoc_put_null(at, "weight"); /* a fault */
		if (t->service != NULL)
			jdoc_put_int(at, "min_servers", t->min_servers);
	}
}

static void
tell_tracks(const struct report *r, struct jdoc *problems)
{
	const struct config_pair *pair = &r->config->pair;

	for (size_t i = 0; r->tracks != NULL && i < pair->n_tracks; i++) {
		const struct config_track *t = &pair->tracks[i];

		if (i >= r->tracks->n || r->tracks->ok[i])
			continue;
		if (t->service != NULL)
			problem(problems,
			    "tracked service %s has fewer than %u servers up",
			    t->service, t->min_servers);
		else
			problem(problems, "tracked %s %s %s",
			    config_track_kind_name(config_track_kind(t)),
			    track_name(t),
			    t->script != NULL ? "failed" : "is down");
	}
}

static void
put_group(struct jdoc *groups, const struct report *r, size_t i,
    struct jdoc *problems)
{
	const struct config_group *c = &r->config->pair.groups[i];
	const struct msg_group *m = &r->groups[i];
	struct jdoc *at = jdoc_put_object(groups, NULL);
	struct jdoc *addresses;
	char ip[ADDR_TEXT_MAX], cidr[ADDR_TEXT_MAX + 8];

	jdoc_put_string(at, "name", c->name);
	jdoc_put_string(at, "state", msg_group_state_name(m->state));
	put_wall(at, "since", m->since_wall_ms);
	jdoc_put_string(at, "reason", m->reason);
	jdoc_put_int(at, "priority", m->priority);
	jdoc_put_int(at, "effective_priority", m->effective_priority);
	jdoc_put_int(at, "transitions", m->transitions);
	jdoc_put_int(at, "term", (int64_t)m->term);
	jdoc_put_string(at, "interface", c->interface);
	addresses = jdoc_put_array(at, "addresses");
	for (size_t k = 0; k < c->n_addresses; k++) {
		(void)snprintf(cidr, sizeof(cidr), "%s/%u",
		    addr_format_ip(&c->addresses[k].addr, ip),
		    c->addresses[k].prefix);
		jdoc_put_string(addresses, NULL, cidr);
	}
	put_tracks(at, r);
	if (m->state == MSG_GROUP_INIT || m->state == MSG_GROUP_FAULT)
		problem(problems, "group %s is in %s: %s", c->name,
		    msg_group_state_name(m->state), m->reason);
}

static void
put_groups(struct jdoc *doc, const struct report *r, struct jdoc *problems)
{
	struct jdoc *groups = jdoc_put_array(doc, "groups");

	if (!r->config->has_pair)
		return;
	if (r->groups == NULL) {
		problem(problems, "the failover process does not answer");
		return;
	}
	for (size_t i = 0; i < r->config->pair.n_groups; i++)
		put_group(groups, r, i, problems);
	tell_tracks(r, problems);
}

/* The i-th road between the nodes: their addresses, then their `links`. */
static void
put_link(struct jdoc *list, const struct report *r, size_t i)
{
	const struct config_node *nodes = r->config->pair.nodes;
	const struct config_node *self = &nodes[r->start->node];
	const struct config_node *other = &nodes[r->peer->node];
	const struct msg_peer_link *m = &r->peer->links[i];
	struct jdoc *link = jdoc_put_object(list, NULL);
	char ip[ADDR_TEXT_MAX];

	jdoc_put_string(link, "local",
	    addr_format_ip(i == 0 ? &self->address : &self->links[i - 1], ip));
	jdoc_put_string(link, "remote",
	    addr_format_ip(
	        i == 0 ? &other->address : &other->links[i - 1], ip));
	jdoc_put_bool(link, "up", m->up);
	jdoc_put_int(link, "received", (int64_t)m->received);
	jdoc_put_int(link, "lost", (int64_t)m->lost);
	jdoc_put_int(link, "rejected", (int64_t)m->rejected);
}

static void
put_wire(struct jdoc *peer, const struct msg_peer *m)
{
	struct jdoc *wire = jdoc_put_object(peer, "wire");

	jdoc_put_bool(wire, "up", m->wire_up);
	jdoc_put_int(wire, "connections", m->connections);
	jdoc_put_int(wire, "rejected", (int64_t)m->wire_rejected);
}

static void
put_peer(struct jdoc *peers, const struct report *r, struct jdoc *problems)
{
	const struct config_pair *pair = &r->config->pair;
	const struct msg_peer *m = r->peer;
	const struct config_node *other = &pair->nodes[m->node];
	struct jdoc *at = jdoc_put_object(peers, NULL);
	struct jdoc *list;

	jdoc_put_string(at, "name", other->name);
	jdoc_put_bool(at, "reachable", m->reachable);
	if (m->last_heard_ms < 0)
		jdoc_put_null(at, "last_heard_ms");
	else
		jdoc_put_int(at, "last_heard_ms", m->last_heard_ms);
	list = jdoc_put_array(at, "groups");
	for (size_t i = 0; i < m->n_groups && i < pair->n_groups; i++) {
		struct jdoc *group = jdoc_put_object(list, NULL);

		jdoc_put_string(group, "name", pair->groups[i].name);
		jdoc_put_string(
		    group, "state", msg_group_state_name(m->groups[i]));
	}
	list = jdoc_put_array(at, "links");
	for (size_t i = 0; i < m->n_links && i <= other->n_links; i++)
		put_link(list, r, i);
	put_wire(at, m);
	if (!m->reachable)
		problem(problems, "peer %s is not heard", other->name);
	for (size_t i = 0; m->reachable && i < m->n_links; i++)
		if (!m->links[i].up)
			problem(problems, "link %zu to peer %s is down", i + 1,
			    other->name);
}

static struct jdoc *
put_sums(struct jdoc *at, const struct counters_sum *sum)
{
	struct jdoc *connections = jdoc_put_object(at, "connections");
	struct jdoc *bytes = jdoc_put_object(at, "bytes");

	jdoc_put_int(connections, "active", (int64_t)sum->active);
	jdoc_put_int(connections, "total", (int64_t)sum->total);
	jdoc_put_int(connections, "failed", (int64_t)sum->failed);
	jdoc_put_int(bytes, "in", (int64_t)sum->bytes_in);
	jdoc_put_int(bytes, "out", (int64_t)sum->bytes_out);
	return connections;
}

/* How connections ended, by words; only those that did. */
static void
put_endings(struct jdoc *at, const struct counters_service_sum *sums)
{
	struct jdoc *endings = jdoc_put_object(at, "endings");

	for (enum ending e = 0; e < ENDING_COUNT; e++)
		if (sums->endings[e] > 0)
			jdoc_put_int(endings, ending_words(e),
			    (int64_t)sums->endings[e]);
}

static void
put_check(struct jdoc *server, const struct config_check *config,
    const struct report_server *s)
{
	const struct check_view *c = s->check;
	const char *last = c->passed ? "ok" : "failed";
	struct jdoc *at = jdoc_put_object(server, "check");

	jdoc_put_string(at, "type", config_check_type_words[config->type]);
	jdoc_put_string(at, "last", c->since_wall_ms != 0 ? last : NULL);
	jdoc_put_string(at, "detail", c->detail);
	jdoc_put_real(at, "latency_ms", c->latency_ms);
	put_wall(at, "since", c->since_wall_ms);
	if (config->role != NULL)
		jdoc_put_string(at, "role", server_role_name(s->view.role));
}

/* As the file says it; and for a name what it has been resolved to. */
static void
put_address(struct jdoc *at, const struct config_server *c,
    const struct report_server *s)
{
	char text[CONFIG_HOST_MAX + ADDR_TEXT_MAX];

	if (c->host == NULL) {
		jdoc_put_string(at, "address", addr_format(&c->address, text));
		return;
	}
	(void)snprintf(
	    text, sizeof(text), "%s:%u", c->host, addr_port(&c->address));
	jdoc_put_string(at, "address", text);
	jdoc_put_string(at, "resolved",
	    s != NULL && s->view.has_address
	        ? addr_format(&s->view.address, text)
	        : NULL);
}

static void
put_server(struct jdoc *servers, const struct config_service *service, size_t i,
    const struct report_server *s, struct jdoc *problems)
{
	const struct config_server *c = &service->servers[i];
	struct jdoc *at = jdoc_put_object(servers, NULL);

	jdoc_put_string(at, "name", c->name);
	put_address(at, c, s);
	jdoc_put_string(at, "state",
	    server_state_name(s != NULL ? s->view.state : SERVER_UNKNOWN));
	jdoc_put_string(at, "admin",
	    s != NULL ? accord_admin_name(s->view.admin) : "unknown");
	jdoc_put_bool(at, "active", s != NULL && s->view.usable);
	jdoc_put_int(at, "weight", s != NULL ? s->view.weight : c->weight);
	if (s == NULL)
		return;
	(void)put_sums(at, &s->sum);
	put_check(at, &c->check, s);
	if (s->view.state == SERVER_DOWN && s->view.admin != ACCORD_MAINT)
		problem(problems, "server %s of service %s is down: %s",
		    c->name, service->name, s->check->detail);
}

/* What is wrong is said once, of a group by its first service. */
static void
put_standby(struct jdoc *service, const struct report *r, size_t i,
    struct jdoc *problems)
{
	const struct config_service *c = &r->config->services[i];
	const struct standby *s =
	    r->services != NULL ? r->services[i].standby : NULL;
	const char *active, *trouble = NULL;
	struct jdoc *at;

	if (s == NULL)
		return;
	active = c->servers[s->active].name;
	at = jdoc_put_object(service, "standby");
	jdoc_put_string(at, "group", c->standby_group);
	jdoc_put_string(at, "active", active);
	jdoc_put_int(at, "epoch", (int64_t)s->epoch);
	jdoc_put_bool(at, "decides", s->phase != STANDBY_FOLLOWS);
	jdoc_put_string(at, "phase", standby_phase_name(s->phase));
	if (s->trouble != STANDBY_NO_TROUBLE)
		trouble = standby_trouble_text(s->trouble);
	jdoc_put_string(at, "trouble", trouble);
	if (trouble != NULL && config_standby_leader(r->config, i) == i)
		problem(problems, "service %s: active server stays %s: %s",
		    c->name, active, trouble);
}

static void
put_service(struct jdoc *services, const struct report *r, size_t number,
    struct jdoc *problems)
{
	const struct config_service *c = &r->config->services[number];
	const struct report_service *s =
	    r->services != NULL ? &r->services[number] : NULL;
	struct jdoc *at = jdoc_put_object(services, NULL);
	struct jdoc *list;
	char address[ADDR_TEXT_MAX];

	jdoc_put_string(at, "name", c->name);
	jdoc_put_string(at, "mode", config_mode_words[c->mode]);
	jdoc_put_string(at, "balance", config_balance_words[c->balance]);
	jdoc_put_string(at, "state", s != NULL ? s->state : "unknown");
	put_standby(at, r, number, problems);
	list = jdoc_put_array(at, "listen");
	for (size_t i = 0; i < c->n_listens; i++)
		jdoc_put_string(
		    list, NULL, addr_format(&c->listens[i].address, address));
	if (s != NULL) {
		struct jdoc *connections = put_sums(at, &s->sums.sum);

		jdoc_put_int(connections, "queued", s->queued);
		jdoc_put_int(connections, "retries", (int64_t)s->sums.retries);
		jdoc_put_int(connections, "denied", (int64_t)s->sums.denied);
		jdoc_put_int(
		    connections, "too_many", (int64_t)s->sums.too_many);
		put_endings(at, &s->sums);
	}
	list = jdoc_put_array(at, "servers");
	for (size_t i = 0; i < c->n_servers; i++)
		put_server(
		    list, c, i, s != NULL ? &s->servers[i] : NULL, problems);
}

char *
report_text(const struct report *r)
{
	CLEANUP(jdoc_free_at) struct jdoc *doc = jdoc_new();
	const struct config *c = r->config;
	struct jdoc *peers, *services, *problems;

	jdoc_put_string(doc, "version", VERSION);
	jdoc_put_string(
	    doc, "node", c->has_pair ? c->pair.nodes[r->start->node].name : "");
	jdoc_put_int(doc, "pid", r->pid);
	jdoc_put_real(
	    doc, "uptime_s", (double)(r->now.ns - r->start->started_ns) / 1e9);
	problems = jdoc_put_array(doc, "problems");
	put_config(doc, r, problems);
	put_groups(doc, r, problems);
	peers = jdoc_put_array(doc, "peers");
	if (c->has_pair && r->peer != NULL)
		put_peer(peers, r, problems);
	services = jdoc_put_array(doc, "services");
	for (size_t i = 0; i < c->n_services; i++)
		put_service(services, r, i, problems);
	if (r->services == NULL)
		problem(problems, "the relay process is being restarted");
	jdoc_put_int(doc, "dropped_log_lines", (int64_t)r->dropped_log_lines);
	jdoc_put_bool(doc, "healthy", jdoc_count(problems) == 0);
	return jdoc_text(doc, false);
}

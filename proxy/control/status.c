#include "proxy/control/status.h"

#include "core/json_doc.h"
#include "core/secret.h"
#include "core/version.h"
#include "core/wall_clock.h"
#include "proxy/control/status_kernel.h"
#include "proxy/control/status_service.h"
#include "proxy/control/trouble.h"

#include <stdio.h>
#include <string.h>

void
status_put_wall(struct json_doc *at, const char *key, int64_t wall_ms)
{
	char text[WALL_CLOCK_TEXT_MAX];

	json_doc_put_string(
	    at, key, wall_ms != 0 ? wall_clock_format(wall_ms, text) : NULL);
}

static void
put_config(struct json_doc *doc, const struct status *r)
{
	struct json_doc *at = json_doc_put_object(doc, "config");
	char hash[2 * CONFIG_HASH_BYTES + 1];

	for (size_t i = 0; i < CONFIG_HASH_BYTES; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", r->config->hash[i]);
	json_doc_put_string(at, "path", r->start->path);
	json_doc_put_string(at, "hash", hash);
	status_put_wall(at, "loaded_at", r->start->loaded_wall_ms);
	if (r->config->has_pair)
		json_doc_put_bool(
		    at, "accept_file", r->config->pair.accept_file);
	if (r->peer == NULL || !r->peer->config_known) {
		json_doc_put_null(at, "peer_matches");
		return;
	}
	json_doc_put_bool(at, "peer_matches", r->peer->config_matches);
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
put_tracks(struct json_doc *group, const struct status *r)
{
	const struct config_pair *pair = &r->config->pair;
	const struct msg_tracks *m = r->tracks;
	struct json_doc *list = json_doc_put_array(group, "track");

	for (size_t i = 0; i < pair->n_tracks; i++) {
		const struct config_track *t = &pair->tracks[i];
		struct json_doc *at = json_doc_put_object(list, NULL);

		json_doc_put_string(
		    at, "kind", config_track_kind_name(config_track_kind(t)));
		json_doc_put_string(at, "name", track_name(t));
		if (m != NULL && i < m->n)
			json_doc_put_bool(at, "ok", m->ok[i]);
		else
			json_doc_put_null(at, "ok");
		if (t->weight > 0)
			json_doc_put_int(at, "weight", t->weight);
		else
			json_doc_put_null(at, "weight"); /* a fault */
		if (t->service != NULL)
			json_doc_put_int(at, "min_servers", t->min_servers);
	}
}

static const char *
cidr_text(const struct config_address *c, char buf[static ADDR_TEXT_MAX + 8])
{
	char ip[ADDR_TEXT_MAX];

	(void)snprintf(buf, ADDR_TEXT_MAX + 8, "%s/%u",
	    addr_format_ip(&c->addr, ip), c->prefix);
	return buf;
}

/* The group's addresses that this node can't hold, whoever is master. */
static void
put_refused(struct json_doc *group, const struct config_group *c,
    const struct msg_group *m)
{
	struct json_doc *list = json_doc_put_array(group, "refused");
	char cidr[ADDR_TEXT_MAX + 8];

	for (size_t k = 0; k < c->n_addresses; k++) {
		struct json_doc *at;

		if ((m->refused >> k & 1) == 0)
			continue;
		at = json_doc_put_object(list, NULL);
		json_doc_put_string(
		    at, "address", cidr_text(&c->addresses[k], cidr));
		json_doc_put_string(
		    at, "interface", c->interfaces[c->addresses[k].at]);
		json_doc_put_string(at, "reason", m->refused_reason);
	}
}

/* Another host showed that it has an address of the group. */
static void
put_conflict(struct json_doc *group, const struct status *r, size_t i)
{
	const struct config_group *c = &r->config->pair.groups[i];
	const struct msg_conflict *m =
	    r->peer != NULL ? &r->peer->conflicts[i] : NULL;
	struct json_doc *at;
	char ip[ADDR_TEXT_MAX], mac[18];

	if (m == NULL || !m->there || m->address >= c->n_addresses) {
		json_doc_put_null(group, "conflict");
		return;
	}
	at = json_doc_put_object(group, "conflict");
	json_doc_put_string(
	    at, "address", addr_format_ip(&c->addresses[m->address].addr, ip));
	json_doc_put_string(
	    at, "interface", c->interfaces[c->addresses[m->address].at]);
	(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x",
	    m->mac[0], m->mac[1], m->mac[2], m->mac[3], m->mac[4], m->mac[5]);
	json_doc_put_string(at, "mac", mac);
	json_doc_put_bool(at, "peer", m->peer);
	status_put_wall(at, "since", r->wall_ms - m->first_ms);
	status_put_wall(at, "seen_at", r->wall_ms - m->last_ms);
}

static void
put_group(struct json_doc *groups, const struct status *r, size_t i)
{
	const struct config_group *c = &r->config->pair.groups[i];
	const struct msg_group *m = &r->groups[i];
	struct json_doc *at = json_doc_put_object(groups, NULL);
	struct json_doc *addresses, *interfaces;
	char cidr[ADDR_TEXT_MAX + 8];

	json_doc_put_string(at, "name", c->name);
	json_doc_put_string(at, "state", msg_group_state_name(m->state));
	status_put_wall(at, "since", m->since_wall_ms);
	status_put_wall(at, "decided_at", m->decided_wall_ms);
	json_doc_put_string(at, "reason", m->reason);
	json_doc_put_int(at, "priority", m->priority);
	json_doc_put_int(at, "effective_priority", m->effective_priority);
	json_doc_put_int(at, "transitions", m->transitions);
	json_doc_put_int(at, "term", (int64_t)m->term);
	json_doc_put_string(at, "interface", c->interface);
	interfaces = json_doc_put_array(at, "interfaces");
	addresses = json_doc_put_array(at, "addresses");
	for (size_t k = 0; k < c->n_addresses; k++) {
		json_doc_put_string(
		    addresses, NULL, cidr_text(&c->addresses[k], cidr));
		json_doc_put_string(
		    interfaces, NULL, c->interfaces[c->addresses[k].at]);
	}
	put_refused(at, c, m);
	put_conflict(at, r, i);
	put_tracks(at, r);
}

static void
put_groups(struct json_doc *doc, const struct status *r)
{
	struct json_doc *groups = json_doc_put_array(doc, "groups");

	if (!r->config->has_pair || r->groups == NULL)
		return;
	for (size_t i = 0; i < r->config->pair.n_groups; i++)
		put_group(groups, r, i);
}

/* When something was that is so many ms ago; below 0: it never was. */
static void
put_ago(struct json_doc *at, const char *key, const struct status *r,
    int64_t ago_ms)
{
	status_put_wall(at, key, ago_ms < 0 ? 0 : r->wall_ms - ago_ms);
}

static void
put_path(
    struct json_doc *at, const struct status *r, const struct msg_peer_link *m)
{
	put_ago(at, "heard_at", r, m->heard_ms);
	json_doc_put_bool(at, "up", m->up);
	json_doc_put_int(at, "received", (int64_t)m->received);
	json_doc_put_int(at, "lost", (int64_t)m->lost);
	json_doc_put_int(at, "rejected", (int64_t)m->rejected);
}

/* The i-th road between the nodes: their addresses, then their `links`. */
static void
put_link(struct json_doc *list, const struct status *r, size_t i)
{
	const struct config_node *nodes = r->config->pair.nodes;
	const struct config_node *self = &nodes[r->start->node];
	const struct config_node *other = &nodes[r->peer->node];
	const struct msg_peer_link *m = &r->peer->links[i];
	struct json_doc *link = json_doc_put_object(list, NULL);
	char ip[ADDR_TEXT_MAX];

	json_doc_put_string(link, "local",
	    addr_format_ip(i == 0 ? &self->address : &self->links[i - 1], ip));
	json_doc_put_string(link, "remote",
	    addr_format_ip(
	        i == 0 ? &other->address : &other->links[i - 1], ip));
	put_path(link, r, m);
}

/* In msg_peer: where the networks of the i-th group begin. */
static size_t
first_network(const struct config_pair *pair, size_t i)
{
	size_t n = 0;

	for (size_t g = 0; g < i; g++)
		n += pair->groups[g].n_interfaces;
	return n;
}

/* How the peer is heard on the networks of its i-th group. */
static void
put_networks(struct json_doc *group, const struct status *r, size_t i)
{
	const struct config_pair *pair = &r->config->pair;
	const struct config_group *g = &pair->groups[i];
	const size_t first = first_network(pair, i);
	struct json_doc *list = json_doc_put_array(group, "networks");

	for (size_t k = 0;
	     k < g->n_interfaces && first + k < r->peer->n_networks; k++) {
		struct json_doc *network = json_doc_put_object(list, NULL);

		json_doc_put_string(network, "interface", g->interfaces[k]);
		put_path(network, r, &r->peer->networks[first + k]);
	}
}

static void
put_wire(struct json_doc *peer, const struct status *r)
{
	const struct msg_peer *m = r->peer;
	struct json_doc *wire = json_doc_put_object(peer, "wire");

	json_doc_put_bool(wire, "up", m->wire_up);
	if (m->wire_up)
		json_doc_put_int(wire, "version", m->wire_version);
	else
		json_doc_put_null(wire, "version");
	put_ago(wire, "since", r, m->wire_ms);
	json_doc_put_int(wire, "connections", m->connections);
	json_doc_put_int(wire, "rejected", (int64_t)m->wire_rejected);
}

/* In another file they may be others. */
static void
put_peer_refused(struct json_doc *group, const struct status *r, size_t i)
{
	const struct config_group *c = &r->config->pair.groups[i];
	const struct msg_peer *m = r->peer;
	const bool some = m->reachable && m->refused[i] != 0;
	struct json_doc *list = json_doc_put_array(group, "refused");
	char cidr[ADDR_TEXT_MAX + 8];

	json_doc_put_bool(group, "refuses_some", some);
	for (size_t k = 0; some && m->config_matches && k < c->n_addresses; k++)
		if ((m->refused[i] >> k & 1) != 0)
			json_doc_put_string(
			    list, NULL, cidr_text(&c->addresses[k], cidr));
}

static void
put_keys(struct json_doc *peer, const struct msg_peer *m)
{
	struct json_doc *at = json_doc_put_object(peer, "keys");
	struct json_doc *ours = json_doc_put_array(at, "ours");
	struct json_doc *peers = json_doc_put_array(at, "peers");
	char text[SECRET_ID_TEXT];

	for (unsigned i = 0; i < MSG_PEER_KEYS_MAX; i++) {
		if (m->own_keys[i] != 0)
			json_doc_put_string(
			    ours, NULL, secret_id_text(m->own_keys[i], text));
		if (m->keys[i] != 0)
			json_doc_put_string(
			    peers, NULL, secret_id_text(m->keys[i], text));
	}
	if (m->key == 0) {
		json_doc_put_null(at, "we_sign_with");
		json_doc_put_null(at, "it_signs_with");
		return;
	}
	json_doc_put_string(
	    at, "we_sign_with", secret_id_text(m->own_key, text));
	json_doc_put_string(at, "it_signs_with", secret_id_text(m->key, text));
}

/* It is heard, and nobody here can read what it says. */
static void
put_odd(struct json_doc *peer, const struct msg_peer *m)
{
	char text[SECRET_ID_TEXT];
	struct json_doc *at;

	if (m->reachable || m->odd_kind == MSG_PEER_NOT_ODD) {
		json_doc_put_null(peer, "not_understood");
		return;
	}
	at = json_doc_put_object(peer, "not_understood");
	if (m->odd_kind == MSG_PEER_ODD_KEY)
		json_doc_put_string(at, "key", secret_id_text(m->odd, text));
	else
		json_doc_put_int(at, "version", (int64_t)m->odd);
}

/* An upgrade of one node that nobody has gone on with. */
static void
tell_version(const struct msg_peer *m, const char *name, struct json_doc *hints)
{
	char text[256];

	if (m->version[0] == '\0' || strcmp(m->version, VERSION) == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "this node runs hapair %s and peer %s hapair %s: a pair is of two versions while it is upgraded; upgrade the older one, too, when the other has proven itself",
	    VERSION, name, m->version);
	json_doc_put_string(hints, NULL, text);
}

static void
put_told(struct json_doc *peer, const struct msg_peer *m)
{
	struct json_doc *told = json_doc_put_object(peer, "told");

	json_doc_put_int(told, "clients", m->told_clients);
	json_doc_put_int(told, "servers", m->told_servers);
	json_doc_put_int(told, "silent", m->silent_clients);
}

static void
put_peer(struct json_doc *peers, const struct status *r, struct json_doc *hints)
{
	const struct config_pair *pair = &r->config->pair;
	const struct msg_peer *m = r->peer;
	const struct config_node *other = &pair->nodes[m->node];
	struct json_doc *at = json_doc_put_object(peers, NULL);
	struct json_doc *list;

	json_doc_put_string(at, "name", other->name);
	json_doc_put_string(
	    at, "version", m->version[0] != '\0' ? m->version : NULL);
	tell_version(m, other->name, hints);
	json_doc_put_bool(at, "reachable", m->reachable);
	if (m->last_heard_ms < 0)
		json_doc_put_null(at, "last_heard_ms");
	else
		json_doc_put_int(at, "last_heard_ms", m->last_heard_ms);
	put_ago(at, "last_heard_at", r, m->last_heard_ms);
	put_odd(at, m);
	list = json_doc_put_array(at, "groups");
	for (size_t i = 0; i < m->n_groups && i < pair->n_groups; i++) {
		struct json_doc *group = json_doc_put_object(list, NULL);

		json_doc_put_string(group, "name", pair->groups[i].name);
		json_doc_put_string(
		    group, "state", msg_group_state_name(m->groups[i]));
		put_networks(group, r, i);
		put_peer_refused(group, r, i);
	}
	list = json_doc_put_array(at, "links");
	for (size_t i = 0; i < m->n_links && i <= other->n_links; i++)
		put_link(list, r, i);
	put_wire(at, r);
	put_keys(at, m);
	put_told(at, m);
}

static void
put_pause(struct json_doc *doc, const struct status *r)
{
	const struct config_node *nodes = r->config->pair.nodes;
	char until[WALL_CLOCK_TEXT_MAX];
	struct json_doc *at;
	const char *by;

	if (r->peer == NULL || r->peer->pause_ms == 0) {
		json_doc_put_null(doc, "pause");
		return;
	}
	by = nodes[r->peer->pause_own ? r->start->node : r->peer->node].name;
	at = json_doc_put_object(doc, "pause");
	(void)wall_clock_format(r->wall_ms + r->peer->pause_ms, until);
	json_doc_put_string(at, "until", until);
	json_doc_put_real(at, "left_s", r->peer->pause_ms / 1e3);
	json_doc_put_string(at, "by", by);
}

/* Nothing else may be left out: see listeners_can_lack(). */
static bool
lacks_listeners(const struct status *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->config->n_services; i++)
		n += r->config->services[i].n_listens;
	return r->start->n_listeners < n * r->start->workers;
}

static const char *
process_state(const struct status *r, bool relay)
{
	if (relay && r->relay_silent_ms > 0)
		return "silent";
	if (relay)
		return r->services != NULL ? "answers" : "restarting";
	if (r->peer != NULL)
		return "answers";
	return r->services != NULL || r->failover_asked ? "silent" : "unknown";
}

static void
put_process(struct json_doc *list, const char *name, const char *state,
    uint32_t silent_ms, const struct msg_ends *m)
{
	struct json_doc *at = json_doc_put_object(list, NULL);

	json_doc_put_string(at, "name", name);
	json_doc_put_string(at, "state", state);
	if (silent_ms > 0)
		json_doc_put_real(at, "silent_s", silent_ms / 1e3);
	else
		json_doc_put_null(at, "silent_s");
	json_doc_put_int(at, "restarts", m->n);
	json_doc_put_int(at, "recent_ends", m->recent);
	json_doc_put_string(at, "last_end", m->n > 0 ? m->reason : NULL);
	status_put_wall(at, "last_end_at", m->n > 0 ? m->wall_ms : 0);
}

static void
put_processes(struct json_doc *doc, const struct status *r)
{
	struct json_doc *list = json_doc_put_array(doc, "processes");

	put_process(list, "relay", process_state(r, true), r->relay_silent_ms,
	    &r->ends.relay);
	if (r->config->has_pair)
		put_process(list, "failover", process_state(r, false), 0,
		    &r->ends.failover);
	if (r->kernel != NULL)
		put_process(list, "director",
		    r->kernel->is_up ? "answers" : "restarting", 0,
		    &r->kernel->ends);
}

/* Their sentences alone, for who only knows of those. */
static void
put_problems(struct json_doc *problems, const struct json_doc *troubles)
{
	for (size_t i = 0; i < json_doc_count(troubles); i++)
		json_doc_put_string(problems, NULL,
		    json_doc_string(json_doc_at(troubles, i), "text"));
}

static struct json_doc *
document(const struct status *r, bool brief)
{
	struct json_doc *doc = json_doc_new();
	const struct config *c = r->config;
	struct json_doc *peers, *services, *problems, *troubles, *hints;
	const bool without_v6 = lacks_listeners(r);

	json_doc_put_string(doc, "version", VERSION);
	json_doc_put_string(
	    doc, "node", c->has_pair ? c->pair.nodes[r->start->node].name : "");
	json_doc_put_int(doc, "pid", r->pid);
	json_doc_put_real(
	    doc, "uptime_s", (double)(r->now.ns - r->start->started_ns) / 1e9);
	status_put_wall(doc, "time", r->wall_ms);
	problems = json_doc_put_array(doc, "problems");
	troubles = json_doc_put_array(doc, "troubles");
	hints = json_doc_put_array(doc, "hints");
	put_pause(doc, r);
	put_config(doc, r);
	put_processes(doc, r);
	put_groups(doc, r);
	peers = json_doc_put_array(doc, "peers");
	if (c->has_pair && r->peer != NULL)
		put_peer(peers, r, hints);
	status_kernel_put(doc, r);
	json_doc_put_int(doc, "max_connections", r->start->max_connections);
	services = json_doc_put_array(doc, "services");
	for (size_t i = 0; i < c->n_services; i++)
		if (brief)
			status_service_put_brief(services, r, i);
		else
			status_service_put(services, r, i, without_v6);
	for (size_t i = 0; i < c->n_services; i++)
		status_service_hint(hints, r, i);
	json_doc_put_int(
	    doc, "dropped_log_lines", (int64_t)r->dropped_log_lines);
	trouble_find(doc, troubles);
	put_problems(problems, troubles);
	json_doc_put_bool(doc, "healthy", json_doc_count(problems) == 0);
	return doc;
}

struct json_doc *
status_document(const struct status *r)
{
	return document(r, false);
}

struct json_doc *
status_brief(const struct status *r)
{
	return document(r, true);
}

char *
status_text(const struct status *r)
{
	CLEANUP(json_doc_free_at) struct json_doc *doc = status_document(r);

	return json_doc_text(doc, false);
}

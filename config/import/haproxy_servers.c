#include "config/import/haproxy_servers.h"

#include "config/import/haproxy_check.h"
#include "config/import/haproxy_value.h"
#include "config/rules/address_faults.h"
#include "config/schema/scalar.h"

#include <string.h>

#define CONNECTIONS_MAX 10000000
#define WEIGHT_MAX 256
#define HOUR_MS 3600000

/* Of its own address, or of the client's port. */
static uint64_t
port_of(
    const struct haproxy_value_address *a, const char *text, uint64_t client)
{
	const char *sign = strrchr(text, ':');

	if (!a->is_offset)
		return a->has_port ? a->port : client;
	if (client == 0)
		return 0;
	if (sign != NULL && sign[1] == '-')
		return client > a->port ? client - a->port : 0;
	return client + a->port;
}

/* NULL: it cannot be connected to, which was said. */
static const char *
address_of(struct import_plan *plan, const struct haproxy_proxy_server *server,
    uint64_t client, uint64_t *ret_port)
{
	struct haproxy_value_address a;
	const bool is_good = haproxy_value_address(plan, server->address, &a);
	const char *host = a.host;
	uint64_t port;
	union addr ip;

	if (a.kind != HAPROXY_VALUE_TCP ||
	    (a.is_ip && addr_parse_ip(a.host, &ip) == 0 && addr_is_any(&ip)) ||
	    a.host[0] == '\0') {
		import_notes_error(&plan->notes, server->at,
		    "the server '%.60s' is left out: '%.60s' is no host and "
		    "port to connect to",
		    server->name, server->address);
		return NULL;
	}
	if (a.is_ip && addr_parse_ip(a.host, &ip) == 0 &&
	    address_faults_of_link(&ip) != NULL) {
		import_notes_error(&plan->notes, server->at,
		    "the server '%.60s' is left out: '%.60s' %s", server->name,
		    server->address, address_faults_of_link(&ip));
		return NULL;
	}
	port = is_good ? port_of(&a, server->address, client) : 0;
	if (port < 1 || port > UINT16_MAX) {
		import_notes_error(&plan->notes, server->at,
		    "the server '%.60s' is left out: '%.60s' has no port; "
		    "expected HOST:PORT",
		    server->name, server->address);
		return NULL;
	}
	if (!a.is_ip && !scalar_is_host(host)) {
		host = import_plan_made_up(plan, a.host);
		import_notes_error(&plan->notes, server->at,
		    "'%.60s' is no host; %s stands for it, and is to be "
		    "replaced (" IMPORT_PLAN_FILL_IN ")",
		    a.host, host);
	}
	*ret_port = port;
	return haproxy_value_with_port(plan, host, port);
}

static struct import_plan_server *
find(struct import_plan_service *s, const char *name, const char *address)
{
	for (struct import_plan_server *have = s->servers; have != NULL;
	     have = have->next)
		if ((name != NULL && strcmp(have->name, name) == 0) ||
		    (address != NULL &&
		        strcasecmp(have->address, address) == 0))
			return have;
	return NULL;
}

/* One that no other server of the service has. */
static const char *
name_of(struct import_plan *plan, struct import_plan_service *s,
    const struct haproxy_proxy_server *server)
{
	const char *name =
	    import_plan_name(plan, server->name, ":[]", "server");
	const char *own = name;

	for (size_t i = s->n_servers + 1;
	     find(s, own, NULL) != NULL && i < 2 * CONFIG_SERVERS_MAX; i++)
		own = import_plan_text(plan, "%.55s-%zu", name, i);
	if (strcmp(own, server->name) != 0)
		import_notes_note(&plan->notes, server->at,
		    "the server '%.60s' is called '%s' here", server->name,
		    own);
	return own;
}

static void
take_options(struct import_plan *plan,
    const struct haproxy_proxy_server *server, struct import_plan_server *out)
{
	const struct haproxy_proxy_options *o = &server->options;

	out->backup = o->backup;
	if (o->weight.given && o->weight.value != 1) {
		out->has_weight = true;
		out->weight =
		    o->weight.value < WEIGHT_MAX ? o->weight.value : WEIGHT_MAX;
	}
	if (o->maxconn.given)
		out->max_connections = o->maxconn.value < CONNECTIONS_MAX
		    ? o->maxconn.value
		    : CONNECTIONS_MAX;
	if (o->slowstart.given)
		out->slow_start_ms =
		    o->slowstart.value < HOUR_MS ? o->slowstart.value : HOUR_MS;
	if (o->disabled) {
		out->has_weight = true;
		out->weight = 0;
		out->comment = "'disabled' there: no new connections";
		import_notes_warning(&plan->notes, server->at,
		    "'%.60s' is disabled: it has 'weight: 0', and gets no new "
		    "connections; `hapair server SERVICE/NAME maint` is the "
		    "word for it at run time",
		    server->name);
	}
}

/* False: it is none. */
static bool
add(struct import_plan *plan, struct import_plan_service *s,
    const struct haproxy_proxy_server *server, uint64_t client,
    uint64_t *ret_port)
{
	const char *address;
	struct import_plan_server *out, *last = s->servers;

	if (server->options.ssl) {
		import_notes_warning(&plan->notes, server->at,
		    "the server '%.60s' is left out: hapair speaks no TLS to "
		    "servers, it passes on that of the clients",
		    server->name);
		return false;
	}
	address = address_of(plan, server, client, ret_port);
	if (address == NULL)
		return false;
	if (find(s, NULL, address) != NULL) {
		import_notes_warning(&plan->notes, server->at,
		    "the server '%.60s' is left out: '%s' is a server already; "
		    "its 'weight' may be higher",
		    server->name, address);
		return false;
	}
	out = import_plan_alloc(plan, sizeof(*out));
	if (out == NULL)
		return false;
	out->at = server->at;
	out->name = name_of(plan, s, server);
	out->address = address;
	take_options(plan, server, out);
	while (last != NULL && last->next != NULL)
		last = last->next;
	if (last == NULL)
		s->servers = out;
	else
		last->next = out;
	s->n_servers++;
	return true;
}

static bool
is_checked(const struct haproxy_proxy_server *server)
{
	return server->options.check || server->options.track != NULL;
}

void
haproxy_servers_add(struct import_plan *plan, const struct haproxy_proxy *back,
    uint64_t port, struct import_plan_service *s)
{
	const struct haproxy_proxy_server *first = back->servers;

	/* Those of TLS are left out. */
	while (first != NULL && (first->options.ssl || !is_checked(first)))
		first = first->next;
	haproxy_check_proxy(plan, back, first, &s->check);
	for (const struct haproxy_proxy_server *server = back->servers;
	     server != NULL; server = server->next) {
		struct import_plan_server *out;
		uint64_t own = 0;

		if (s->n_servers == CONFIG_SERVERS_MAX) {
			import_notes_error(&plan->notes, server->at,
			    "a service has at most %d servers; the others are "
			    "left out",
			    CONFIG_SERVERS_MAX);
			return;
		}
		if (!add(plan, s, server, port, &own))
			continue;
		for (out = s->servers; out->next != NULL;)
			out = out->next;
		haproxy_check_server(
		    plan, back, server, &s->check, own, &out->check);
	}
}

bool
haproxy_servers_follow(
    struct import_plan *plan, const struct haproxy_proxy *back)
{
	for (const struct haproxy_proxy_server *s = back->servers; s != NULL;
	     s = s->next) {
		struct haproxy_value_address a;

		if (haproxy_value_address(plan, s->address, &a) &&
		    a.kind == HAPROXY_VALUE_TCP && !a.has_port)
			return true;
	}
	return false;
}

bool
haproxy_servers_read_proxy(const struct haproxy_proxy *back)
{
	for (const struct haproxy_proxy_server *s = back->servers; s != NULL;
	     s = s->next)
		if (s->options.send_proxy == 0)
			return false;
	return back->servers != NULL;
}

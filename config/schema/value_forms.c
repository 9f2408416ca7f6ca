#include "config/schema/value_forms.h"

#include "config/config.h"
#include "config/schema/scalar.h"
#include "config/yaml/diag.h"
#include "config/yaml/tree.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int
parse_ip(struct schema *s, const struct tree_node *text, void *ret_value)
{
	union addr a;

	if (addr_parse_ip(text->text, &a) < 0)
		return diag_error(s->diag, &text->at,
		    "'%s' %s; expected an IP address", text->shown,
		    addr_parse(text->text, &a) == 0 ? "has a port"
		                                    : "is not an address");
	memcpy(ret_value, &a, sizeof(a));
	schema_mark(s, ret_value, text);
	return 1;
}

static const char *
print_ip(const void *value, char *buf, size_t room)
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(buf, room, "%s", addr_format_ip(value, text));
	return buf;
}

const struct schema_form value_forms_ip = {
	.name = "an IP address",
	.parse = parse_ip,
	.print = print_ip,
};

const struct schema_form value_forms_ips = {
	.name = "IP addresses",
	.parse = parse_ip,
	.print = print_ip,
};

static int
parse_cidr(struct schema *s, const struct tree_node *text, void *ret_value)
{
	struct config_address *address = ret_value;
	struct config_cidr c;
	union addr a;

	if (scalar_cidr(text->text, &c) == 0) {
		address->addr = c.addr;
		address->prefix = c.prefix;
		schema_mark(s, address, text);
		return 1;
	}
	if (addr_parse_ip(text->text, &a) == 0)
		return diag_error(s->diag, &text->at,
		    "'%s' has no prefix length; expected, for example, %s/%d",
		    text->shown, text->shown,
		    a.sa.sa_family == AF_INET6 ? 64 : 24);
	return diag_error(s->diag, &text->at,
	    "'%s' is not an address with its prefix length (1 to 32, "
	    "IPv6 1 to 128); expected, for example, 10.0.0.100/24",
	    text->shown);
}

static const char *
print_network(const void *value, char *buf, size_t room)
{
	char text[SCALAR_CIDR_TEXT];

	(void)snprintf(buf, room, "%s", scalar_cidr_text(value, text));
	return buf;
}

static const char *
print_cidr(const void *value, char *buf, size_t room)
{
	const struct config_address *a = value;
	const struct config_cidr c = { a->addr, a->prefix };

	return print_network(&c, buf, room);
}

/* The first member of its struct: the others are filled beside it. */
_Static_assert(offsetof(struct config_address, addr) == 0, "one place");

const struct schema_form value_forms_cidr = {
	.name = "ip/prefix",
	.parse = parse_cidr,
	.print = print_cidr,
};

/* One on another interface than the group's is a map of keys. */
static const char *
print_address(const void *value, char *buf, size_t room)
{
	const struct config_address *a = value;

	return a->interface != NULL ? NULL : print_cidr(value, buf, room);
}

const struct schema_form value_forms_address = {
	.name = "ip/prefix or a map of keys",
	.parse = parse_cidr,
	.print = print_address,
};

/* Its place, n_interfaces (or more) where there is no room: see pair_rules.c.
 */
static unsigned
find_interface(struct config_group *g, const char *name)
{
	unsigned i = 0;

	while (i < g->n_interfaces && strcmp(g->interfaces[i], name) != 0)
		i++;
	if (i == g->n_interfaces && i < CONFIG_GROUP_INTERFACES_MAX)
		g->interfaces[g->n_interfaces++] = name;
	return i;
}

void
value_forms_find_interfaces(struct schema *s, void *group)
{
	struct config_group *g = group;

	(void)s;
	if (g->interface == NULL)
		return; /* it was refused */
	(void)find_interface(g, g->interface);
	for (size_t i = 0; i < g->n_addresses; i++) {
		struct config_address *a = &g->addresses[i];

		a->at = find_interface(
		    g, a->interface != NULL ? a->interface : g->interface);
	}
}

static int
parse_network(struct schema *s, const struct tree_node *text, void *ret_value)
{
	struct config_cidr c, network;
	char meant[SCALAR_CIDR_TEXT];

	if (scalar_network(text->text, &c) < 0)
		return diag_error(s->diag, &text->at,
		    "'%s' is not a network; expected, for example, 10.0.0.0/8, "
		    "fd00::/8 or an address alone",
		    text->shown);
	network = scalar_network_of(&c);
	if (!addr_is_same_ip(&network.addr, &c.addr))
		return diag_error(s->diag, &text->at,
		    "'%s' is an address within its network; did you mean "
		    "'%s'?",
		    text->shown, scalar_cidr_text(&network, meant));
	memcpy(ret_value, &network, sizeof(network));
	schema_mark(s, ret_value, text);
	return 1;
}

const struct schema_form value_forms_network = {
	.name = "ip/prefix or an IP address",
	.parse = parse_network,
	.print = print_network,
};

static int
parse_listen(struct schema *s, const struct tree_node *text, void *ret_value)
{
	struct config_listen *l = ret_value;
	union addr addrs[2];
	uint64_t number;
	size_t n;

	if (scalar_listen(text->text, addrs, &n) < 0) {
		const char *port = text->text + (text->text[0] == ':');

		/* Other programs take a port alone for every address. */
		if (scalar_number(port, &number) == 0)
			return diag_error(s->diag, &text->at,
			    "'%s' has no address; expected ip:port, or "
			    "\"*:%s\" for every address",
			    text->shown, port);
		return diag_error(s->diag, &text->at, "'%s' %s", text->shown,
		    scalar_address_fault(text->text));
	}
	for (size_t i = 0; i < n; i++) {
		l[i].address = addrs[i];
		schema_mark(s, &l[i], text);
	}
	return (int)n;
}

static const char *
print_listen(const void *value, char *buf, size_t room)
{
	const struct config_listen *l = value;
	char text[ADDR_TEXT_MAX];

	(void)snprintf(buf, room, "%s", addr_format(&l->address, text));
	return buf;
}

const struct schema_form value_forms_listen = {
	.name = "ip:port or \"*:port\"",
	.parse = parse_listen,
	.print = print_listen,
};

static int
parse_host(struct schema *s, const struct tree_node *text, void *ret_value)
{
	struct config_server *server = ret_value;
	char host[CONFIG_HOST_MAX];

	if (scalar_server(text->text, &server->address, host) < 0)
		return diag_error(s->diag, &text->at, "'%s' %s", text->shown,
		    scalar_server_fault(text->text));
	if (host[0] != '\0')
		server->host = schema_copy(s, host);
	schema_mark(s, &server->address, text);
	return 1;
}

static const char *
print_host(const void *value, char *buf, size_t room)
{
	const struct config_server *server = value;
	char text[ADDR_TEXT_MAX];

	if (server->host == NULL)
		(void)snprintf(
		    buf, room, "%s", addr_format(&server->address, text));
	else
		(void)snprintf(buf, room, "%s:%u", server->host,
		    addr_port(&server->address));
	return buf;
}

const struct schema_form value_forms_host = {
	.name = "host:port or ip:port",
	.parse = parse_host,
	.print = print_host,
};

/*
 * A server has keys, the others of which were filled before; never printed as
 * its address alone. value_forms_name_servers() adds the name.
 */
const struct schema_form value_forms_server = {
	.name = "host:port, ip:port or a map of keys",
	.parse = parse_host,
	.print = NULL,
};

void
value_forms_born_server(void *item, const void *parent)
{
	struct config_server *server = item;

	server->check = ((const struct config_service *)parent)->check;
}

void
value_forms_born_group(void *item, const void *parent)
{
	struct config_group *group = item;

	group->nodes = ((const struct config_pair *)parent)->nodes;
}

const char *
value_forms_node_name(const void *group, size_t i)
{
	return ((const struct config_group *)group)->nodes[i].name;
}

static bool
is_nameless(const struct config_server *server)
{
	return server->name == NULL &&
	    server->address.sa.sa_family != AF_UNSPEC;
}

static bool
is_same_host(const struct config_server *a, const struct config_server *b)
{
	if (a->host == NULL || b->host == NULL)
		return a->host == b->host &&
		    addr_is_same_ip(&a->address, &b->address);
	return strcmp(a->host, b->host) == 0;
}

static bool
shares_host(const struct config_service *service, size_t i)
{
	const struct config_server *servers = service->servers;

	for (size_t j = 0; j < service->n_servers; j++)
		if (j != i && is_nameless(&servers[j]) &&
		    is_same_host(&servers[i], &servers[j]))
			return true;
	return false;
}

static void
name_server(struct schema *s, struct config_server *server, bool with_port)
{
	char text[CONFIG_HOST_MAX + ADDR_TEXT_MAX];
	const char *name = server->host;

	if (with_port)
		name = print_host(server, text, sizeof(text));
	else if (name == NULL)
		name = addr_format_ip(&server->address, text);
	server->name = schema_copy(s, name);
}

void
value_forms_name_servers(struct schema *s, void *parent)
{
	struct config_service *service = parent;
	const size_t n = service->n_servers;
	bool shared[CONFIG_SERVERS_MAX];

	/* First look at all, then name: a name makes it no longer nameless. */
	for (size_t i = 0; i < n; i++)
		shared[i] = is_nameless(&service->servers[i]) &&
		    shares_host(service, i);
	for (size_t i = 0; i < n; i++)
		if (is_nameless(&service->servers[i]))
			name_server(s, &service->servers[i], shared[i]);
}

bool
value_forms_is_standby(const void *service)
{
	return ((const struct config_service *)service)->mode ==
	    CONFIG_MODE_STANDBY;
}

static int
parse_target(struct schema *s, const struct tree_node *text, void *ret_value)
{
	static const char udp[] = "udp://";
	struct config_log *log = ret_value;
	const char *t = text->text;

	if (strcmp(t, "stderr") == 0) {
		log->target = LOG_TARGET_STDERR;
	} else if (strcmp(t, "syslog") == 0) {
		log->target = LOG_TARGET_SYSLOG;
	} else if (strncmp(t, udp, strlen(udp)) == 0) {
		log->target = LOG_TARGET_UDP;
		if (addr_parse(t + strlen(udp), &log->dest) < 0)
			return diag_error(s->diag, &text->at, "'%s' %s",
			    text->shown, scalar_address_fault(t + strlen(udp)));
		schema_mark(s, &log->dest, text);
	} else if (scalar_is_path(t) && strlen(t) < PATH_MAX) {
		log->target = LOG_TARGET_FILE;
		log->path = schema_copy(s, t);
	} else {
		return diag_error(s->diag, &text->at,
		    "'%s' is no target for the log; expected stderr, syslog, "
		    "an absolute path or udp://ip:port",
		    text->shown);
	}
	return 1;
}

static const char *
print_target(const void *value, char *buf, size_t room)
{
	const struct config_log *log = value;
	char dest[ADDR_TEXT_MAX];

	switch (log->target) {
	case LOG_TARGET_STDERR:
		return "stderr";
	case LOG_TARGET_SYSLOG:
		return "syslog";
	case LOG_TARGET_FILE:
		return log->path;
	case LOG_TARGET_UDP:
		(void)snprintf(
		    buf, room, "udp://%s", addr_format(&log->dest, dest));
		return buf;
	}
	return NULL;
}

const struct schema_form value_forms_target = {
	.name = "stderr, syslog, an absolute path or udp://ip:port",
	.parse = parse_target,
	.print = print_target,
};

#include "config/config.h"

#include "core/msg.h"

#include <stdlib.h>
#include <string.h>

const char *const config_balance_words[] = {
	[CONFIG_BALANCE_ROUNDROBIN] = "roundrobin",
	[CONFIG_BALANCE_LEASTCONN] = "leastconn",
	[CONFIG_BALANCE_SOURCE] = "source",
	[CONFIG_BALANCE_RANDOM] = "random",
	NULL,
};

const char *const config_backups_words[] = {
	[CONFIG_BACKUPS_ORDERED] = "ordered",
	[CONFIG_BACKUPS_ALL] = "all",
	NULL,
};

const char *const config_connect_words[] = {
	[CONFIG_CONNECT_AT_ACCEPT] = "at_accept",
	[CONFIG_CONNECT_AT_FIRST_BYTE] = "at_first_byte",
	NULL,
};

const char *const config_path_words[] = {
	[CONFIG_PATH_RELAY] = "relay",
	[CONFIG_PATH_KERNEL] = "kernel",
	[CONFIG_PATH_AUTO] = "auto",
	NULL,
};

const char *const config_mode_words[] = {
	[CONFIG_MODE_BALANCE] = "balance",
	[CONFIG_MODE_STANDBY] = "standby",
	NULL,
};

const char *const config_on_down_words[] = {
	[CONFIG_ON_DOWN_KEEP] = "keep",
	[CONFIG_ON_DOWN_RESET] = "reset",
	NULL,
};

const char *const config_prefer_words[] = {
	[CONFIG_PREFER_ANY] = "any",
	[CONFIG_PREFER_IPV4] = "ipv4",
	[CONFIG_PREFER_IPV6] = "ipv6",
	NULL,
};

const char *const config_preface_words[] = {
	[CONFIG_PROXY_PROTOCOL_NONE] = "none",
	[CONFIG_PROXY_PROTOCOL_V1] = "v1",
	[CONFIG_PROXY_PROTOCOL_V2] = "v2",
	NULL,
};

const char *const config_check_type_words[] = {
	[CONFIG_CHECK_TCP] = "tcp",
	[CONFIG_CHECK_NONE] = "none",
	[CONFIG_CHECK_HTTP] = "http",
	[CONFIG_CHECK_SCRIPT] = "script",
	[CONFIG_CHECK_TLS] = "tls",
	[CONFIG_CHECK_MYSQL] = "mysql",
	[CONFIG_CHECK_POSTGRES] = "postgres",
	[CONFIG_CHECK_REDIS] = "redis",
	[CONFIG_CHECK_LDAP] = "ldap",
	NULL,
};

const char *const config_check_proxy_words[] = {
	[CONFIG_CHECK_PROXY_SERVICE] = "service",
	[CONFIG_CHECK_PROXY_NONE] = "none",
	[CONFIG_CHECK_PROXY_V1] = "v1",
	[CONFIG_CHECK_PROXY_V2] = "v2",
	NULL,
};

const char *const config_method_words[] = {
	[CONFIG_METHOD_GET] = "GET",
	[CONFIG_METHOD_HEAD] = "HEAD",
	[CONFIG_METHOD_OPTIONS] = "OPTIONS",
	NULL,
};

const char *const config_preset_words[] = {
	[CONFIG_PRESET_NONE] = "none",
	[CONFIG_PRESET_IMPALAD] = "impalad",
	[CONFIG_PRESET_STATESTORED] = "statestored",
	[CONFIG_PRESET_CATALOGD] = "catalogd",
	NULL,
};

const char *const config_log_level_words[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

/* RFC 5424, table 1: the index is the number on the wire. */
const char *const config_log_facility_words[] = { "kern", "user", "mail",
	"daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
	"ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL };

uint8_t
config_priority(const struct config_pair *pair, size_t group, size_t node)
{
	const uint8_t own = pair->groups[group].priority[node];

	return own != 0 ? own : pair->nodes[node].priority;
}

enum config_track_kind
config_track_kind(const struct config_track *t)
{
	if (t->interface != NULL)
		return CONFIG_TRACK_INTERFACE;
	return t->service != NULL ? CONFIG_TRACK_SERVICE : CONFIG_TRACK_SCRIPT;
}

int
config_find_service(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (c->services[i].name != NULL &&
		    strcmp(c->services[i].name, name) == 0)
			return (int)i;
	return -1;
}

int
config_group_of(const struct config_pair *pair, const union addr *a)
{
	for (size_t i = 0; i < pair->n_groups; i++)
		if (config_group_has(&pair->groups[i], a))
			return (int)i;
	return -1;
}

bool
config_has_virtual(const struct config_pair *pair, const union addr *a)
{
	return config_group_of(pair, a) >= 0;
}

bool
config_has_kernel(const struct config *c)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (c->services[i].path == CONFIG_PATH_KERNEL)
			return true;
	return false;
}

const union addr *
config_kernel_source(const struct config_service *s, size_t listen)
{
	return s->has_source ? &s->source : &s->listens[listen].address;
}

bool
config_is_kernel_source(const struct config *c, const union addr *a)
{
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		for (size_t k = 0; k < s->n_listens; k++)
			if (s->path == CONFIG_PATH_KERNEL &&
			    addr_is_same_ip(config_kernel_source(s, k), a))
				return true;
	}
	return false;
}

uint16_t
config_stream_port(const struct config_pair *pair)
{
	return (uint16_t)(pair->port + 1);
}

struct log_options
config_log_options(const struct config_log *log, const char *role)
{
	return (struct log_options){ .target = log->target,
		.level = log->level,
		.path = log->path,
		.dest = log->dest,
		.facility = log->facility,
		.role = role };
}

size_t
config_standby_leader(const struct config *c, size_t service)
{
	const char *group = c->services[service].standby_group;

	for (size_t i = 0; group != NULL && i < service; i++)
		if (c->services[i].standby_group != NULL &&
		    strcmp(c->services[i].standby_group, group) == 0)
			return i;
	return service;
}

bool
config_standby_decides(const struct config *c, size_t leader, int node,
    bool known, const struct msg_group *groups)
{
	const struct config_service *s = &c->services[leader];

	if (node == CONFIG_NO_NODE)
		return true;
	if (!known)
		return false;
	if (c->pair.n_groups == 0)
		return node == 0;
	for (size_t i = 0; i < s->n_listens; i++)
		for (size_t g = 0; g < c->pair.n_groups; g++)
			if (config_group_has(
			        &c->pair.groups[g], &s->listens[i].address))
				return groups[g].state == MSG_GROUP_MASTER;
	return groups[0].state == MSG_GROUP_MASTER;
}

int
config_standby_host(const struct config *c, size_t leader, const char *name)
{
	for (size_t i = leader; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		if (s->mode != CONFIG_MODE_STANDBY ||
		    config_standby_leader(c, i) != leader)
			continue;
		for (size_t n = 0; n < s->n_servers; n++)
			if (strcmp(s->servers[n].name, name) == 0)
				return (int)n;
	}
	return -1;
}

const char *
config_track_kind_name(enum config_track_kind kind)
{
	static const char *const names[] = {
		[CONFIG_TRACK_INTERFACE] = "interface",
		[CONFIG_TRACK_SERVICE] = "service",
		[CONFIG_TRACK_SCRIPT] = "script",
	};

	return names[kind];
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	arena_fini(&c->memory);
	free(c);
}

void
config_free_at(struct config **c)
{
	config_free(*c);
	*c = NULL;
}

bool
config_group_has(const struct config_group *g, const union addr *a)
{
	for (size_t i = 0; i < g->n_addresses; i++)
		if (addr_is_same_ip(&g->addresses[i].addr, a))
			return true;
	return false;
}

bool
config_group_shares(const struct config_group *a, const struct config_group *b)
{
	for (size_t i = 0; i < a->n_interfaces; i++)
		for (size_t k = 0; k < b->n_interfaces; k++)
			if (strcmp(a->interfaces[i], b->interfaces[k]) == 0)
				return true;
	return false;
}

static bool
is_in_subnet(const union addr *a, const struct config_address *subnet)
{
	size_t len, other_len;
	const uint8_t *x = addr_bytes(a, &len);
	const uint8_t *y = addr_bytes(&subnet->addr, &other_len);
	const size_t whole = subnet->prefix / 8;
	const unsigned rest = subnet->prefix % 8;

	if (len != other_len || memcmp(x, y, whole) != 0)
		return false;
	return rest == 0 || ((x[whole] ^ y[whole]) >> (8 - rest)) == 0;
}

bool
config_group_is_near(
    const struct config_group *g, unsigned interface, const union addr *a)
{
	for (size_t i = 0; i < g->n_addresses; i++)
		if (g->addresses[i].at == interface &&
		    is_in_subnet(a, &g->addresses[i]))
			return true;
	return false;
}

bool
config_group_is_near_any(const struct config_group *g, const union addr *a)
{
	for (unsigned k = 0; k < g->n_interfaces; k++)
		if (config_group_is_near(g, k, a))
			return true;
	return false;
}

/* NULL: it has none. */
static const union addr *
lowest_on(const struct config_group *g, unsigned interface)
{
	const union addr *lowest = NULL;

	for (size_t i = 0; i < g->n_addresses; i++) {
		const union addr *a = &g->addresses[i].addr;

		if (g->addresses[i].at == interface &&
		    (lowest == NULL || addr_compare_ip(a, lowest) < 0))
			lowest = a;
	}
	return lowest;
}

unsigned
config_group_place(const struct config_group *g, unsigned interface)
{
	const union addr *own = lowest_on(g, interface);
	unsigned place = 0;

	for (unsigned k = 0; k < g->n_interfaces; k++) {
		const union addr *other = lowest_on(g, k);

		/* One without an address is behind all others. */
		if (other == NULL || own == NULL)
			place +=
			    own == NULL && (other != NULL || k < interface);
		else
			place += addr_compare_ip(other, own) < 0;
	}
	return place;
}

bool
config_has_address(const struct config *c, const union addr *a)
{
	for (size_t i = 0; c->has_pair && i < c->pair.n_groups; i++)
		if (config_group_has(&c->pair.groups[i], a))
			return true;
	for (size_t i = 0; c->has_pair && i < CONFIG_NODES; i++) {
		const struct config_node *n = &c->pair.nodes[i];

		if (addr_is_same_ip(&n->address, a))
			return true;
		for (size_t k = 0; k < n->n_links; k++)
			if (addr_is_same_ip(&n->links[k], a))
				return true;
	}
	return false;
}

bool
config_has_family(const struct config_service *s, sa_family_t family)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (s->servers[i].host != NULL ||
		    s->servers[i].address.sa.sa_family == family)
			return true;
	return false;
}

bool
config_is_star_v6(const struct config_service *s, size_t listen)
{
	const union addr *a = &s->listens[listen].address;
	union addr v4 = { .in = { .sin_family = AF_INET } };

	if (a->sa.sa_family != AF_INET6 || !addr_is_any(a))
		return false;
	addr_set_port(&v4, addr_port(a));
	for (size_t i = 0; i < s->n_listens; i++)
		if (addr_is_same(&s->listens[i].address, &v4))
			return true;
	return false;
}

bool
config_listens_at(
    const struct config_service *s, const union addr *a, bool is_here)
{
	for (size_t i = 0; i < s->n_listens; i++) {
		const union addr *l = &s->listens[i].address;

		if (addr_is_same(l, a))
			return true;
		if (is_here && addr_is_any(l) &&
		    l->sa.sa_family == a->sa.sa_family &&
		    addr_port(l) == addr_port(a))
			return true;
	}
	return false;
}

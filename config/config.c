#include "config/config.h"

#include <stdlib.h>
#include <string.h>

const char *const config_balance_words[] = {
	[CONFIG_BALANCE_ROUNDROBIN] = "roundrobin",
	[CONFIG_BALANCE_LEASTCONN] = "leastconn",
	[CONFIG_BALANCE_SOURCE] = "source",
	[CONFIG_BALANCE_RANDOM] = "random",
	NULL,
};

const char *const config_connect_words[] = {
	[CONFIG_CONNECT_AT_ACCEPT] = "at_accept",
	[CONFIG_CONNECT_AT_FIRST_BYTE] = "at_first_byte",
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

const char *const config_preface_words[] = {
	[CONFIG_PREFACE_NONE] = "none",
	[CONFIG_PREFACE_V1] = "v1",
	[CONFIG_PREFACE_V2] = "v2",
	NULL,
};

const char *const config_check_type_words[] = {
	[CONFIG_CHECK_TCP] = "tcp",
	[CONFIG_CHECK_NONE] = "none",
	[CONFIG_CHECK_HTTP] = "http",
	[CONFIG_CHECK_SCRIPT] = "script",
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
const char *const config_log_facility_words[] = {
	"kern",
	"user",
	"mail",
	"daemon",
	"auth",
	"syslog",
	"lpr",
	"news",
	"uucp",
	"cron",
	"authpriv",
	"ftp",
	"ntp",
	"audit",
	"alert",
	"clock",
	"local0",
	"local1",
	"local2",
	"local3",
	"local4",
	"local5",
	"local6",
	"local7",
	NULL,
};

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

bool
config_has_virtual(const struct config_pair *pair, const union addr *a)
{
	for (size_t i = 0; i < pair->n_groups; i++)
		for (size_t j = 0; j < pair->groups[i].n_addresses; j++)
			if (addr_is_same_ip(
			        &pair->groups[i].addresses[j].addr, a))
				return true;
	return false;
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

const char *
config_balance_name(enum config_balance balance)
{
	return config_balance_words[balance];
}

const char *
config_mode_name(enum config_mode mode)
{
	return config_mode_words[mode];
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

const char *
config_connect_name(enum config_connect connect)
{
	return config_connect_words[connect];
}

const char *
config_preface_name(enum config_preface preface)
{
	return config_preface_words[preface];
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

const char *
config_check_type_name(enum config_check_type type)
{
	return config_check_type_words[type];
}

const char *
config_log_level_name(enum log_level level)
{
	return config_log_level_words[level];
}

const char *
config_log_facility_name(unsigned facility)
{
	if (facility >= ARRAY_LEN(config_log_facility_words))
		return NULL;
	return config_log_facility_words[facility];
}

/* What others may only read is ours to free. */
static void
free_text(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void
free_pair(struct config_pair *p)
{
	for (size_t i = 0; i < CONFIG_NODES; i++) {
		free_text(p->nodes[i].name);
		free(p->nodes[i].links);
	}
	for (size_t i = 0; i < p->n_groups; i++) {
		free_text(p->groups[i].name);
		free_text(p->groups[i].interface);
		free(p->groups[i].addresses);
	}
	free(p->groups);
	for (size_t i = 0; i < p->n_tracks; i++) {
		free_text(p->tracks[i].interface);
		free_text(p->tracks[i].service);
		free_text(p->tracks[i].script);
	}
	free(p->tracks);
	free(p->witnesses);
	free_text(p->notify);
	free_text(p->key_file);
}

static void
free_matches(struct config_matches m)
{
	for (size_t i = 0; i < m.n; i++) {
		free_text(m.all[i].key);
		free_text(m.all[i].value);
	}
	free(m.all);
}

static void
free_other(const char *text, const char *inherited)
{
	if (text != inherited)
		free_text(text);
}

/* All but what it has from another, whose it is. */
static void
free_check(const struct config_check *c, const struct config_check *from)
{
	free_other(c->script, from->script);
	free_other(c->path, from->path);
	free_other(c->expect, from->expect);
	free_other(c->fallback, from->fallback);
	free_other(c->role, from->role);
	free_other(c->role_path, from->role_path);
	free_other(c->ca, from->ca);
	free_other(c->user, from->user);
	free_other(c->password_file, from->password_file);
	free_other(c->negotiate_keytab, from->negotiate_keytab);
	if (c->json.all != from->json.all)
		free_matches(c->json);
	if (c->drain.all != from->drain.all)
		free_matches(c->drain);
}

static void
free_service(struct config_service *s)
{
	static const struct config_check nobody;

	for (size_t i = 0; i < s->n_servers; i++) {
		free_text(s->servers[i].name);
		free_text(s->servers[i].host);
		free_check(&s->servers[i].check, &s->check);
	}
	free_check(&s->check, &nobody);
	free_text(s->keytab);
	free(s->servers);
	free(s->listens);
	free(s->allow);
	free(s->deny);
	free_text(s->standby_group);
	free_text(s->fence);
	free_text(s->promote);
	free_text(s->name);
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	free_pair(&c->pair);
	for (size_t i = 0; i < c->n_services; i++)
		free_service(&c->services[i]);
	free(c->services);
	free_text(c->user);
	free_text(c->group);
	free_text(c->control);
	free_text(c->pid_file);
	free_text(c->log.path);
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

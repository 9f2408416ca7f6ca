#include "config/servers_told.h"

static bool
is_database_port(uint16_t port)
{
	static const uint16_t ports[] = {
		1433,  /* SQL Server */
		1521,  /* Oracle */
		3306,  /* MySQL and MariaDB */
		5432,  /* PostgreSQL */
		6432,  /* PgBouncer */
		27017, /* MongoDB */
	};

	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

static bool
is_database(const struct config_server *s)
{
	switch (s->check.type) {
	case CONFIG_CHECK_MYSQL:
	case CONFIG_CHECK_POSTGRES:
	case CONFIG_CHECK_REDIS:
	case CONFIG_CHECK_LDAP:
		return true;
	case CONFIG_CHECK_TCP:
	case CONFIG_CHECK_NONE:
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_SCRIPT:
	case CONFIG_CHECK_TLS:
		break;
	}
	return is_database_port(addr_port(&s->address));
}

bool
servers_told_matters(const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (is_database(&s->servers[i]))
			return true;
	return false;
}

/*
 * A client's connection may end here, and be made anew at the other node. What
 * the kernel passes on goes on there: there is nothing to tell.
 */
static bool
moves(const struct config *c, const struct config_service *s)
{
	if (s->path == CONFIG_PATH_KERNEL)
		return false;
	for (size_t i = 0; c->has_pair && i < s->n_listens; i++) {
		const union addr *a = &s->listens[i].address;

		if (config_has_virtual(&c->pair, a) ||
		    (addr_is_any(a) && c->pair.n_groups > 0))
			return true;
	}
	return false;
}

enum servers_told
servers_told_of(const struct config *c, const struct config_service *s)
{
	if (!moves(c, s))
		return SERVERS_TOLD_VOID;
	return s->has_source && config_has_virtual(&c->pair, &s->source)
	    ? SERVERS_TOLD_YES
	    : SERVERS_TOLD_NO;
}

/* All its servers can be reached from there; of names nobody knows. */
static bool
reaches(const union addr *source, const struct config_service *s)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (s->servers[i].host == NULL &&
		    s->servers[i].address.sa.sa_family != source->sa.sa_family)
			return false;
	return true;
}

const union addr *
servers_told_source(const struct config *c, const struct config_service *s)
{
	for (size_t i = 0; c->has_pair && i < s->n_listens; i++)
		if (config_has_virtual(&c->pair, &s->listens[i].address) &&
		    reaches(&s->listens[i].address, s))
			return &s->listens[i].address;
	for (size_t i = 0; c->has_pair && i < c->pair.n_groups; i++)
		for (size_t k = 0; k < c->pair.groups[i].n_addresses; k++)
			if (reaches(&c->pair.groups[i].addresses[k].addr, s))
				return &c->pair.groups[i].addresses[k].addr;
	return NULL;
}

#pragma once

/*
 * Who takes the addresses of a host that died can end what came from these
 * addresses, and nothing else: a server is told only where `source` of its
 * service is one of them. Others find out by their own patience, and a database
 * holds the locks of an open transaction until then. Looks at the configuration
 * alone.
 */

#include "config/config.h"

enum servers_told {
	SERVERS_TOLD_VOID, /* no address of the service ever moves */
	SERVERS_TOLD_NO,
	SERVERS_TOLD_YES,
};

enum servers_told servers_told_of(
    const struct config *c, const struct config_service *s);

/* They hold something for a client that is gone: databases, by check or port.
 */
bool servers_told_matters(const struct config_service *s);

/* A virtual IP that could be the service's `source`; NULL: none could. */
const union addr *servers_told_source(
    const struct config *c, const struct config_service *s);

#pragma once

/*
 * Values with a form of their own: an address, one to listen on, a virtual IP
 * with its prefix, a network, a server's address, which may be a host name, and
 * a server written as that alone, where the log goes. The schema's engine calls
 * them through these.
 */

#include "config/schema/schema.h"

extern const struct schema_form value_forms_ip;      /* union addr, no port */
extern const struct schema_form value_forms_ips;     /* likewise, in a list */
extern const struct schema_form value_forms_cidr;    /* struct config_address */
extern const struct schema_form value_forms_address; /* likewise */
extern const struct schema_form value_forms_network; /* struct config_cidr */
extern const struct schema_form
    value_forms_listen; /* struct config_listen [2] */
extern const struct schema_form value_forms_server; /* struct config_server */
extern const struct schema_form value_forms_host;   /* its address and host */
extern const struct schema_form value_forms_target; /* struct config_log */

/*
 * Servers without a name get one: the host of their address, or where two of
 * the service's have that in common, host and port; it may be too long (see
 * rules.c). `parent` is a service.
 */
void value_forms_name_servers(struct schema *s, void *parent);

/* Whether a service is one; for the keys of those. */
bool value_forms_is_standby(const void *service);

/* A server begins with the check of its service. */
void value_forms_born_server(void *item, const void *parent);

/* Of a group: its interfaces, and on which of them each address is. */
void value_forms_find_interfaces(struct schema *s, void *group);

/* A group knows the nodes of its pair, and is asked for their names. */
void value_forms_born_group(void *item, const void *parent);
const char *value_forms_node_name(const void *group, size_t i);

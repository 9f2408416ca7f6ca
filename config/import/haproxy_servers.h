#pragma once

/* The servers of a section as those of a service, and how they take turns. */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

/*
 * `port`: where clients connect, for servers without a port of their own; 0:
 * there is none. What cannot be a server is named, and not in `s`.
 */
void haproxy_servers_add(struct import_plan *plan,
    const struct haproxy_proxy *back, uint64_t port,
    struct import_plan_service *s);

/* Whether some have no port of their own, but the client's. */
bool haproxy_servers_follow(
    struct import_plan *plan, const struct haproxy_proxy *back);

/* Whether all of them are sent a header of the PROXY protocol. */
bool haproxy_servers_read_proxy(const struct haproxy_proxy *back);

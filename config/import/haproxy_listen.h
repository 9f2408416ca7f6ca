#pragma once

/* The addresses of `bind` lines as those of a `listen`. */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

/*
 * Of all binds of a section into `list`; what cannot be listened on is named.
 * `port` 0: all of them, else only that one. `reads_proxy`: its servers read
 * the PROXY protocol, too, so a header may pass.
 */
void haproxy_listen_add(struct import_plan *plan, const struct haproxy_proxy *p,
    uint64_t port, bool reads_proxy, struct import_plan_list *list);

/* How many different ports the binds have, and the first of them. */
size_t haproxy_listen_ports(struct import_plan *plan,
    const struct haproxy_proxy *p, uint64_t *ret_ports, size_t max);

#pragma once

/*
 * How haproxy checks servers, as a check of ours: what the section says, and
 * what the lines of its servers add.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

/*
 * Of all its servers: the type, and what is asked. `server` is the first one
 * that is checked.
 */
void haproxy_check_proxy(struct import_plan *plan,
    const struct haproxy_proxy *p, const struct haproxy_proxy_server *server,
    struct import_plan_check *ret);

/*
 * Of one server that has `own` port, whose service's check is `of`: only what
 * differs from that.
 */
void haproxy_check_server(struct import_plan *plan,
    const struct haproxy_proxy *p, const struct haproxy_proxy_server *server,
    const struct import_plan_check *of, uint64_t own,
    struct import_plan_check *ret);

#pragma once

/*
 * `option tcp-check` and the lines of `tcp-check`, as a dialog; one that talks
 * to redis as a check of that type.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

void haproxy_check_tcp_read(struct import_plan *plan,
    const struct haproxy_proxy *p, struct import_plan_check *c);

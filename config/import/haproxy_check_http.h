#pragma once

/* `option httpchk` and the lines of `http-check`, as a check of type http. */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

void haproxy_check_http_read(struct import_plan *plan,
    const struct haproxy_proxy *p, struct import_plan_check *c);

/*
 * A regular expression that stands for a text alone: that text; else NULL.
 * Returns `buf`.
 */
const char *haproxy_check_http_literal(
    const char *pattern, char *buf, size_t room);

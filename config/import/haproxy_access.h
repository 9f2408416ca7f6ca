#pragma once

/*
 * Who may connect: `acl ... src` and `tcp-request` as `allow` and `deny`.
 * Theirs are rules of which the first that fits decides, ours are networks of
 * which the smallest does; what cannot be said so is named, for it opens a
 * service.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

void haproxy_access_read(struct import_plan *plan,
    const struct haproxy_proxy *p, struct import_plan_service *s);

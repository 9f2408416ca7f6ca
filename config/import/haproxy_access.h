#pragma once

/*
 * Who may connect: `acl ... src` and `tcp-request` as `allow` and `deny`.
 * Theirs are rules of which the first that fits decides, ours are networks of
 * which the smallest does. The rules of connections, of sessions, of contents
 * and of the backend are lists of their own, and a client has to pass each.
 * What cannot be said so is named, for it opens a service.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

/* `back` may be `front`. */
void haproxy_access_read(struct import_plan *plan,
    const struct haproxy_proxy *front, const struct haproxy_proxy *back,
    struct import_plan_service *s);

#pragma once

/* Where servers are connected to from: `source` of a section, or of a server.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

void haproxy_source_take(struct import_plan *plan,
    const struct haproxy_proxy *back, struct import_plan_service *s);

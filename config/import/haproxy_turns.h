#pragma once

/*
 * Which server gets a connection: `balance`, `backup` and `stick` as `balance`
 * or as `mode: standby`, where all go to one.
 */

#include "config/import/haproxy_proxy.h"
#include "config/import/import_plan.h"

/* Of a service that has its servers. */
void haproxy_turns_take(struct import_plan *plan,
    const struct haproxy_proxy *back, struct import_plan_service *s);

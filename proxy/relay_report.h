#pragma once

/*
 * What the relay tells failover: how each service stands, that it serves, and
 * that nobody is left at the addresses of a group. Values alone; the link is
 * relay.c's, as all of this.
 */

#include "core/base.h"

struct failover_link;
struct pool;
struct services;

void relay_report_service(struct failover_link *l, struct pool *pool);

/* Everything, also for a failover that is a new one. */
void relay_report_all(
    struct failover_link *l, struct services *services, bool serves);
void relay_report_serving(struct failover_link *l);
void relay_report_dropped(struct failover_link *l, unsigned group);

#pragma once

/*
 * Says a hello as the node stands, over all links and the wire.
 */

#include "core/base.h"
#include "failover/role.h"

/* A challenge is for the last stranger. */
void heartbeat_send_hello(
    struct role *role, bool challenge, const struct node_now *now);

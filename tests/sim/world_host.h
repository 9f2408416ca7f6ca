#pragma once

/*
 * What a simulated node's effects do: to the network, to its kernel, and to its
 * supervisor and relay, which answer at once, late, or never.
 */

#include "failover/inbox.h"

struct host;

/* What is due of that. */
void world_host_announce(struct host *h);

/* Of inbox_calls; `arg` is the struct host. */
int world_host_carry_out(
    void *arg, const struct node_effect *e, const struct node_now *now);

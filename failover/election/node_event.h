#pragma once

/*
 * Events of the node that are about one group, or about every one: what was
 * heard on its network, what ails it, what others said or could not do.
 *
 * Pure. Of node.c alone.
 */

#include "failover/election/node_group.h"

/* ev->group: which, or NODE_EVERY. */
void node_event_step(struct node_group_step *s, const struct node_event *ev);

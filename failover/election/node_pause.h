#pragma once

/*
 * A pause in the node's step: what an operator says of it, or the peer, or who
 * kept it, and that it ends. While it lasts nothing that only the network says
 * moves a group: not silence, nor that we are deaf, nor what is tracked, nor
 * preference. A process that ended, a node that is stopped, and an operator
 * move it still.
 *
 * Pure. Of node.c alone.
 */

#include "failover/election/node_group.h"

/* NODE_PAUSE: an operator's word, or what was kept. */
void node_pause_take(struct node_group_step *s, const struct node_event *ev);

/* The peer's word. */
void node_pause_hear(struct node_group_step *s, const struct hello *h);

/* Once an interval: it may be over. */
void node_pause_look(struct node_group_step *s);

#pragma once

/*
 * A group's networks in the node's step. Who is cut off from one, while the
 * peer is not, is at fault, whatever a cable of their own between them says.
 *
 * A node that misses its peer there, hears others there, and gets no answer for
 * what the peer says that it has, says so. Who is told that is at fault, unless
 * it misses the peer as well and hears others: then the network has come apart
 * between them, both say the same, and who has the group keeps it. Whoever
 * hears nobody there, while its peer serves, is at fault as well.
 *
 * Pure. Of node.c and node_peer.c alone.
 */

#include "failover/election/node_group.h"

/* What the peer says of the group; NULL: nothing. */
void node_segment_hear(struct node_group *g, const struct hello_group *said);

/* Somebody on the group's network: see struct node_event. */
void node_segment_note(
    struct node_group_step *s, unsigned group, unsigned segment, bool shown);

/* After whatever may have changed: looks around, and judges. */
void node_segment_look(struct node_group_step *s);

/* When the next look of a group is due. */
struct mono node_segment_wake(const struct node_group *g);

/* The peer is heard on one of the group's networks. */
bool node_segment_is_heard(
    const struct node *n, unsigned group, struct mono now);

/* As a master, hears nobody on one of its networks, or on none at all. */
bool node_segment_is_deaf(
    const struct node *n, unsigned group, struct mono now);

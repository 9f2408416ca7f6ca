#pragma once

/*
 * The peer in the node's step: its hellos, its end, and what the network shows
 * of it while it is silent.
 *
 * Pure. Of node.c alone.
 */

#include "failover/election/node_group.h"

void node_peer_hear(struct node_group_step *s, const struct node_event *ev);

/*
 * Somebody says that its processes have ended: it is asked, and believed to
 * have if it does not answer at once. The second when NODE_TICK has come.
 */
void node_peer_hint(struct node_group_step *s);
void node_peer_tick(struct node_group_step *s);

/* Of ours, others. */
void node_peer_change_keys(
    struct node_group_step *s, const struct node_event *ev);

/* Once an interval: it may be silent, a word may be owed. */
void node_peer_look(struct node_group_step *s);

/*
 * Nobody vouches for what is seen on the LAN: it may keep a node from claiming,
 * or have it take back a claim that is a moment old (dispute.h), and never
 * makes another master give up.
 */
void node_peer_show(
    struct node_group_step *s, unsigned group, const struct node_event *ev);
void node_peer_answer(
    struct node_group_step *s, unsigned group, enum suspect_answer answer);

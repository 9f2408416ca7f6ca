#pragma once

/*
 * When a group is handed over: the election prefers the peer, or somebody wants
 * it; not before the peer knows of all connections that live here.
 *
 * Pure. Of node.c alone.
 */

#include "failover/election/node_group.h"

/* The election wishes it, and asks again once a second. */
void node_offer_make(struct node_group_step *s, unsigned group);

/* Somebody does: begins, waits, or tells what speaks against it. */
void node_offer_wish(struct node_group_step *s, unsigned group);

/* Who has waited until the peer knows of all connections, waits no more. */
void node_offer_look(struct node_group_step *s, unsigned group);

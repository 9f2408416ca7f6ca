#pragma once

/*
 * What is asked of a node without a step. Pure: changes nothing.
 */

#include "failover/election/node.h"

/* As patiently as a handover has to. */
bool node_view_hears_peer(const struct node *n, struct mono now);

/* To a handover that is asked for now. UNDECIDED: none, or one is under way. */
enum handover_outcome node_view_objection(
    const struct node *n, unsigned group, struct mono now);

bool node_view_is_said(const uint8_t *mac);

/* By its word, or as seen. */
bool node_view_is_peers(const struct node_group *g, const uint8_t *mac);

/*
 * Who shows an address of the group on this interface of it is neither we, who
 * do not serve it, nor the peer, which is heard.
 */
bool node_view_is_third(const struct node *n, unsigned group,
    unsigned interface, const uint8_t *mac, struct mono now);

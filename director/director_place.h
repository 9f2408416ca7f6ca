#pragma once

/*
 * A connection's place: its server, and the port that we connect from. Known to
 * director_conns.c, and to director_node.c for what servers say.
 *
 * Pure.
 */

#include "director/director_node.h"

/* Takes one; what its machine is to hear of that: PLACED or UNPLACED. */
MUST_CHECK struct kernel_conn_event director_place_choose(
    struct director_node *d, uint32_t slot);
void director_place_leave(
    struct director_node *d, uint32_t slot, bool quarantine);

/* The service that is waited for there; DIRECTOR_NODE_NONE: our file has none.
 */
uint32_t director_place_service(
    const struct director_node *d, const struct conn_tuple *client);

/*
 * The place that it has by the peer's word, whatever the limits. Files of two
 * nodes may differ: then its server is none of ours.
 */
void director_place_inherit(struct director_node *d, uint32_t slot);

/*
 * A server has told its address, or has another one: connections to it that
 * were inherited before, whose server was not known, are its own.
 */
void director_place_meet(
    struct director_node *d, uint32_t service, uint32_t server);

#pragma once

/*
 * Connections that a process before this one has made, as the kernel's maps
 * have them: the node takes them over, before its first event. Known to the
 * shell alone.
 *
 * Pure.
 */

#include "director/director_node.h"

struct director_found {
	uint32_t slot; /* where it is, and stays */
	unsigned group;
	uint32_t service, server; /* NONE: this file does not have it */
	uint32_t isn;
	struct conn_tuple client, server_side;
};

/*
 * False: another one has one of its tuples, or the slot is not there. Its
 * entries are nobody's then.
 */
MUST_CHECK bool director_found_take(
    struct director_node *d, const struct director_found *f, struct mono now);

/*
 * A pool for these servers is there now, which those that were found or told of
 * before have ports of: they are in use, and given back to it.
 */
void director_found_claim_ports(struct director_node *d, uint16_t pool,
    const uint8_t source[static CONN_TUPLE_IP],
    const uint8_t server[static CONN_TUPLE_IP], uint16_t port);

#pragma once

/*
 * The connections of a director_node: feeds each one's machine, and carries out
 * what that asks for. Known to director_node.c and director_hear.c alone.
 *
 * Pure.
 */

#include "director/director_node.h"

/* The node's own of an event, with `type` and what does not concern one. */
struct kernel_conn_event director_conns_event(
    const struct director_node *d, uint32_t slot, enum kernel_conn_type type);

/* Feeds it, and all that follows from it for this connection. */
void director_conns_settle(
    struct director_node *d, uint32_t slot, struct kernel_conn_event ev);

/* A new connection for the SYN of this step's event. */
void director_conns_begin(struct director_node *d);

/* One that the peer tells of. False: there is no free slot. */
MUST_CHECK bool director_conns_inherit(
    struct director_node *d, const struct replica_msg *add);

/* The peer's slot for it is this one; NONE: it has none on this stream. */
void director_conns_name(
    struct director_node *d, uint32_t slot, uint32_t their);
/* What it is called there, on this stream; and what is called so. Or NONE. */
uint32_t director_conns_their(const struct director_node *d, uint32_t slot);
uint32_t director_conns_named(const struct director_node *d, uint32_t their);
/* The peer's, and not told of since it began anew. */
bool director_conns_is_stale(const struct director_node *d, uint32_t slot);

/* The peer is told of it, under a new number. */
void director_conns_tell(struct director_node *d, uint32_t slot);

/* All of the group that wait for the peer, or up to a number, go on. */
void director_conns_commit(struct director_node *d, unsigned group);
void director_conns_commit_until(struct director_node *d, uint64_t seq);

/*
 * All of the group that no server has heard of are dropped, and nothing of
 * those that are young is withheld any more.
 */
void director_conns_release(struct director_node *d, unsigned group);

/* Those that wait for a service are dropped. */
void director_conns_turn_away(struct director_node *d, unsigned service);

/* Those that wait for a place are asked whether there is one. */
void director_conns_offer(struct director_node *d, unsigned service);

void director_conns_send(
    const struct director_node *d, const struct replica_msg *m);

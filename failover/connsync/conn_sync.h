#pragma once

/*
 * What both nodes know of each other's connections: takes what the relay tells
 * into local_conns, tells the peer of them over the wire, and keeps what the
 * peer tells in peer_conns. Owns the wire, and makes of its end what it is
 * worth.
 *
 * In small portions: the heartbeat is in the same thread.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;
struct local_conns;
struct peer_conns;

/* Opens role->conn_sync and the wire. Returns 0 or -errno. */
MUST_CHECK int conn_sync_open(struct role *role);

/* Its thread, which shall not be real-time. Returns 0 or -errno. */
MUST_CHECK int conn_sync_start(struct role *role);
void conn_sync_close(struct role *role); /* also where there is none */

/* CONNECTIONS and its BEGIN and END, from the relay. False: malformed. */
MUST_CHECK bool conn_sync_take(
    struct role *role, const struct channel_packet *packet);

/* The peer's process is this one now: see peer_link_expect(). */
void conn_sync_expect(struct role *role, const struct hello_boot *boot);

/* Begins role->sync, which goes over our wire while there is one. */
void conn_sync_init_sync(struct role *role);

/*
 * A hello's packet, for a peer that UDP does not reach. Left out while earlier
 * bytes are not acknowledged: TCP would bring it later, as news of the past.
 */
void conn_sync_send_hello(struct role *role, const uint8_t *packet, size_t len);

/*
 * PEER_FILE, for the peer's supervisor; ours is told where it cannot go. What
 * the peer's says goes to ours. Returns 0.
 */
MUST_CHECK int conn_sync_send_file(
    const struct role *role, const struct channel_packet *packet);

/* For `status`: fills in the wire's part. */
void conn_sync_describe(const struct role *role, struct msg_peer *m);

/*
 * So many connections here are at this group's addresses. False: they are too
 * many to go through between two heartbeats.
 */
MUST_CHECK bool conn_sync_count_at(
    const struct role *role, const struct config_group *group, size_t *ret_n);

/* Borrowed: conn_sync's. */
const struct local_conns *conn_sync_ledger(const struct role *role);
struct peer_conns *conn_sync_estate(const struct role *role);

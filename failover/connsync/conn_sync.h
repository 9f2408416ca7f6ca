#pragma once

/*
 * What both nodes know of each other's connections: takes what the relay tells
 * into the ledger, pays its debts over the wire, and keeps the peer's estate.
 * Owns the wire, and makes of its end what it is worth.
 *
 * In small portions: the heartbeat is in the same thread.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;
struct estate;
struct ledger;
struct replica;

/* Opens role->replica and the wire. Returns 0 or -errno. */
MUST_CHECK int replica_open(struct role *role);
void replica_close(struct role *role); /* also where there is none */

/* CONNECTIONS and its BEGIN and END, from the relay. False: malformed. */
MUST_CHECK bool replica_take(
    struct role *role, const struct channel_packet *packet);

/* The peer's process is this one now: see wire_expect(). */
void replica_expect(struct role *role, const struct hello_boot *boot);

/* Begins role->sync, which goes over our wire while there is one. */
void replica_init_sync(struct role *role);

/*
 * A hello's packet, for a peer that UDP does not reach. Left out while earlier
 * bytes are not acknowledged: TCP would bring it later, as news of the past.
 */
void replica_send_hello(struct role *role, const uint8_t *packet, size_t len);

/* For `status`: fills in the wire's part. */
void replica_describe(const struct role *role, struct msg_peer *m);

/* Borrowed: the replica's. */
const struct ledger *replica_ledger(const struct role *role);
struct estate *replica_estate(const struct role *role);

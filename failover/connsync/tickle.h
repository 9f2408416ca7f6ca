#pragma once

/*
 * Nobody hangs: after a takeover whoever was connected to the dead node, and
 * only waits, would wait for ever. Each is sent a bare ACK that it must answer
 * (tickle_packet.h), and its answer meets our kernel, which knows no such
 * connection and resets it. Clients, and servers that were connected to from a
 * virtual IP.
 *
 * In rounds, since a packet may be lost and a host answers such an ACK every
 * 500 ms at most (Linux, tcp_invalid_ratelimit); each is paced. Who was reset
 * answers the next one with a reset of its own: then it was told, and is left
 * alone. Who does not answer in three rounds has five more in a minute, and is
 * counted as silent.
 */

#include "core/base.h"
#include "failover/role.h"

/* Opens role->tickle: raw sockets that receive nothing. Returns 0 or -errno. */
MUST_CHECK int tickle_open(struct role *role);
void tickle_close(struct role *role); /* also where there is none */

/*
 * This node has claimed the group, or holds it against the peer, or peer_conns
 * has got more in it.
 */
void tickle_begin(struct role_group *g);

/*
 * It was handed over: the peer resets its connections itself, but its time for
 * that is short, and a reset may be lost. It gets a start.
 */
void tickle_begin_late(struct role_group *g);

/* For `status`: fills in who was told since the start. */
void tickle_describe(const struct role *role, struct msg_peer *m);

/* The group is not ours any more. */
void tickle_stop(struct role_group *g);

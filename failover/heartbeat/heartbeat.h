#pragma once

/*
 * The heartbeat in the shell: its links and its interval. Puts the peer's
 * hellos into the inbox, and has it look at the clock in each turn of the loop.
 */

#include "core/base.h"
#include "failover/role.h"

#define HEARTBEAT_PACKET_MAX (HELLO_READ_MAX + SECRET_MAC_BYTES)

struct msg_peer;

/* The sockets of the nodes' addresses and `links`. Returns 0 or -errno. */
MUST_CHECK int heartbeat_open(struct role *role);
void heartbeat_close(struct role *role);

/* From here on we are heard, and hear. Opens nothing. */
void heartbeat_start(struct role *role);

/*
 * What came over one of the node's paths goes into the inbox, if it is the
 * peer's. `len`: -errno where it came from elsewhere.
 */
void heartbeat_hear(
    struct role *role, unsigned path, const uint8_t *packet, int len);

/* A hello's packet that came over the wire. */
void heartbeat_take(struct role *role, const uint8_t *packet, size_t len);

/* A hello's packet goes out over all links. */
void heartbeat_transmit(struct role *role, const uint8_t *packet, size_t len);

/* The random number for the peer's next boot is used up. */
void heartbeat_renew_chance(struct role *role);

/* The peer was heard: tells what is new about that. */
void heartbeat_note_heard(struct role *role, bool anew);

/* For `status`: fills in how the peer is heard. */
void heartbeat_describe(const struct role *role, struct msg_peer *m);

#pragma once

/*
 * The heartbeat in the shell: sends a hello each interval and whenever the node
 * wants to, puts the peer's into the inbox, and has it look at the clock in
 * each turn of the loop.
 */

#include "core/base.h"
#include "failover/role.h"

struct msg_peer;

/* The sockets of the nodes' addresses and `links`. Returns 0 or -errno. */
MUST_CHECK int beat_open(struct role *role);
void beat_close(struct role *role);

/* From here on we are heard, and hear. Opens nothing. */
void beat_start(struct role *role);

/* A hello's packet that came over the wire. */
void beat_take(struct role *role, const uint8_t *packet, size_t len);

/* A hello now, as the node stands; as a challenge, to a stranger. */
void beat_send(struct role *role, bool challenge, const struct node_now *now);

/* The peer has another boot now; the random number for it is used up. */
void beat_expect(struct role *role);

/* The peer was heard: tells what is new about that. */
void beat_note_heard(struct role *role, bool anew);

/* For `status`: fills in how the peer is heard. */
void beat_describe(const struct role *role, struct msg_peer *m);

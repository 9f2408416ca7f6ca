#pragma once

/*
 * The heartbeat's socket: UDP, from our node's address to the peer's and back,
 * marked as network control (DSCP CS6, priority 7, TTL 255). Our address may
 * come later than the socket. Other hosts than the peer are not heard: the
 * kernel drops what they send. Errors of sending are an answer here, never an
 * end: the next heartbeat tries again.
 */

#include "core/addr.h"
#include "core/base.h"

struct heartbeat_socket {
	int fd;
	union addr self, other; /* with the port */
};

/* `self` and `other` without port. Returns 0 or -errno. */
MUST_CHECK int heartbeat_socket_open(const union addr *self,
    const union addr *other, uint16_t port, struct heartbeat_socket *ret_link);
void heartbeat_socket_close(struct heartbeat_socket *l);

/* Returns 0 or -errno. */
MUST_CHECK int heartbeat_socket_send(
    struct heartbeat_socket *l, const void *bytes, size_t len);

/*
 * One packet. Returns its length (cut to `room`; 0 is a port probe, see
 * peer_port_probe.h), -EAGAIN when there is none, or -EXDEV for one that came
 * from another port of the peer.
 */
MUST_CHECK int heartbeat_socket_receive(
    struct heartbeat_socket *l, void *ret_bytes, size_t room);

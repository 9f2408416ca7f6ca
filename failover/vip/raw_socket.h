#pragma once

/*
 * Raw sockets that only send: whole IP packets, whose header we bring. One for
 * each address family. They ask for CAP_NET_RAW when they are made.
 */

#include "core/base.h"

union addr;

struct raw_socket {
	int v4, v6; /* -1: none */
};

/* The empty value. */
struct raw_socket raw_socket_none(void);

/* A kernel without IPv6 gives no socket for it. Returns 0 or -errno. */
MUST_CHECK int raw_socket_open(struct raw_socket *r);
void raw_socket_close(struct raw_socket *r);

/* Never waits; the port of `to` does not matter. Returns 0 or -errno. */
MUST_CHECK int raw_socket_send(const struct raw_socket *r,
    const uint8_t *packet, size_t len, const union addr *to);

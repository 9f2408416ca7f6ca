#pragma once

/*
 * Listening sockets. The supervisor opens and keeps them, so that clients wait
 * in the backlog while a relay is being replaced; the relay's workers accept.
 */

#include "core/addr.h"

struct socket_filter;

/*
 * A listening socket on an address that need not be here (yet). Returns the
 * descriptor or -errno. Several may share an address: one per worker. What is
 * accepted inherits `keepalive_ms` (0: off) and more.
 */
MUST_CHECK int listener_open(const union addr *local, uint32_t keepalive_ms);

/* Another keepalive for what is accepted from now on. Returns 0 or -errno. */
MUST_CHECK int listener_set_keepalive(int fd, uint32_t keepalive_ms);

/*
 * From now on new clients get no answer, neither yes nor no, so that they ask
 * again when the peer has the address: none of them, or those that the filter
 * (SOCKET_FILTER_MUTE) drops. Returns 0 or -errno.
 */
MUST_CHECK int listener_mute(int fd);
MUST_CHECK int listener_mute_some(int fd, struct socket_filter *s);

/* Takes it back. Returns 0, also where all were answered, or -errno. */
MUST_CHECK int listener_unmute(int fd);

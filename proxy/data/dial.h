#pragma once

/*
 * Opens connections to servers, without waiting for them.
 */

#include "core/addr.h"

/*
 * Starts a connection, from `from` (with its port) where that is not NULL.
 * Returns a non-blocking descriptor whose connection is under way or there
 * (writable means decided: ask dial_result), or -errno.
 */
MUST_CHECK int dial_start(const union addr *to, const union addr *from);

/* What became of it: 0, or -errno. To be asked once: it clears the error. */
MUST_CHECK int dial_result(int fd);

/*
 * Whether a failure is our own lack (ports, descriptors, memory) and says
 * nothing about the server.
 */
bool dial_is_local_failure(int error);

/* Of these, a lack towards this one server: no port is left to it. */
bool dial_is_port_failure(int error);

/*
 * A socket such that closing it sends RST: if this process dies, its peer sees
 * a broken connection and never a clean end that was none. dial_end_in_order()
 * takes that back, before the close that follows both FINs. Clients' sockets
 * inherit it from the listener; a server's gets it once the connection has
 * lasted a while. dial_break_by_default() returns 0 or -errno.
 */
MUST_CHECK int dial_break_by_default(int fd);
void dial_end_in_order(int fd);

/*
 * Breaks it now, whoever else has the file: RST where there is somebody to hear
 * it. Nothing happens to -1.
 */
void dial_break(int fd);

/* What keeps a connection alive, and finds that it is not. 0: off. */
struct dial_keepalive {
	unsigned idle_s;     /* silence before the first probe */
	unsigned interval_s; /* between probes */
	unsigned probes;
};

/* `keepalive` of the configuration, with probes 10 s apart, 3 of them. */
struct dial_keepalive dial_keepalive_of(uint32_t keepalive_ms);

/* From the last word of a peer until it is taken for dead; 0: never. */
uint32_t dial_patience_ms(const struct dial_keepalive *k);

/*
 * Sets it, and lets the kernel's other questions, while data waits, come as
 * often as dead_peer.h needs them: where it can (Linux 6.15), else a peer that
 * dies in a long pause is found later, after 3 that are 2 minutes apart.
 * Returns 0 or -errno.
 */
MUST_CHECK int dial_keep_alive(int fd, const struct dial_keepalive *k);

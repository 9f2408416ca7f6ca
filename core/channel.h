#pragma once

/*
 * A channel between two of our processes: a SOCK_SEQPACKET pair, so that the
 * kernel keeps the boundaries. A packet is a type, a body, and at most one
 * descriptor. Both ends are non-blocking; nothing here waits or queues.
 */

#include "core/base.h"

/* The largest body: a request line, a status message, a log path. */
#define CHANNEL_BODY_MAX 4096

struct channel_packet {
	uint16_t type;
	size_t len;
	int fd; /* -1, or the receiver's to close */
	uint8_t body[CHANNEL_BODY_MAX];
};

/* Two connected ends, close-on-exec. Returns 0 or -errno. */
MUST_CHECK int channel_pair(int ret_fds[static 2]);

/*
 * Sends one packet; `pass_fd` is -1 or stays the caller's. Returns 0 or
 * -errno: -EAGAIN where the peer does not read, -EPIPE where it is gone.
 */
MUST_CHECK int channel_send(
    int channel, uint16_t type, const void *body, size_t len, int pass_fd);

/*
 * Receives one packet. Returns 1, 0 at the end (the peer is gone), or -errno:
 * -EAGAIN where there is none, -EBADMSG where it is none of ours.
 */
MUST_CHECK int channel_recv(int channel, struct channel_packet *ret_packet);

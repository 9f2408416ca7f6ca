#pragma once

/*
 * A channel between two of our processes: a SOCK_SEQPACKET pair, so that the
 * kernel keeps the boundaries. A packet is a type, a body, and at most one
 * descriptor. Both ends are non-blocking; nothing here waits or queues.
 */

#include "core/base.h"

struct closer;

/* The largest body: a request line, a status message, a log path. */
#define CHANNEL_BODY_MAX 4096

/* As many descriptors as the kernel lets a sender put into one message. */
#define CHANNEL_FDS_MAX 253

/*
 * All descriptors that came are in it, also where it is refused, and the
 * receiver's to close: those that find no room are closed by the kernel, which
 * may sleep over it (core/closer.h).
 */
struct channel_packet {
	uint16_t type;
	size_t len;
	int fd; /* -1: none */
	size_t n_more;
	int more[CHANNEL_FDS_MAX - 1]; /* those that ours never send */
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
 * -EAGAIN where there is none, -EBADMSG where it is none of ours. Whoever reads
 * what a stranger writes asks msg_intake.h instead.
 */
MUST_CHECK int channel_recv(int channel, struct channel_packet *ret_packet);

/* Those of a packet that nobody wants. */
void channel_drop_fds(struct closer *closer, struct channel_packet *p);

/*
 * Ends it for both sides, and reads what is left first: descriptors in it would
 * be closed by whoever is the last to close the channel, maybe a process that
 * was forked a moment ago, and has to close it before it can be anything else.
 * Stores -1.
 */
void channel_close(struct closer *closer, int *channel);

/*
 * Less than half of what the channel holds waits to be read: there is room for
 * who has little to say besides who has much.
 */
bool channel_has_room(int channel);

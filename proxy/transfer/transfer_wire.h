#pragma once

/*
 * Packets with many descriptors, between two relays on one host. The channels
 * are those of core/channel.h; nothing here waits.
 */

#include "core/base.h"

/* As the kernel has it (SCM_MAX_FD). */
#define TRANSFER_WIRE_FDS_MAX 253

/* More than that goes into a memfd; two fit into a default send buffer. */
#define TRANSFER_WIRE_BODY_MAX (32 * 1024)

struct transfer_wire_packet {
	size_t len;
	unsigned n_fds;
	int fds[TRANSFER_WIRE_FDS_MAX]; /* the receiver's; close them all */
	uint8_t *body;                  /* borrowed: the caller's */
	size_t room;                    /* there */
};

/*
 * The descriptors stay the caller's. Returns 0 or -errno: -EAGAIN where there
 * is no room for it now, -EPIPE where nobody will read it.
 */
MUST_CHECK int transfer_wire_send(
    int channel, const void *body, size_t len, const int *fds, unsigned n_fds);

/*
 * Returns 1, 0 at the end, or -errno. Of descriptors for which this process has
 * no room only the first arrive.
 */
MUST_CHECK int transfer_wire_recv(
    int channel, struct transfer_wire_packet *packet);

void transfer_wire_close(struct transfer_wire_packet *packet);

/* What a batch holds is far less: two pipes for each of 32 sessions. */
#define TRANSFER_WIRE_FAR_MAX ((size_t)96 * 1024 * 1024)

/*
 * Bytes in a memfd that is sealed: its descriptor or -errno. And read back,
 * malloc'd; -EBADMSG where it is no such thing, or of another length.
 */
MUST_CHECK int transfer_wire_store(const void *bytes, size_t len);
MUST_CHECK int transfer_wire_load(int fd, size_t len, uint8_t **ret_bytes);

#pragma once

/*
 * Sends what a director says itself. In the name of an end, of a connection
 * that has its entries: into the loopback interface, where the kernel program
 * takes it, translates it and sends it on (director_bpf.h, `mark`). So it needs
 * no neighbours of its own, and the host's conntrack never hears of it. A
 * client that has no connection gets its answer by a raw socket.
 *
 * Packets wait until they are sent together; who writes entries does that
 * first.
 */

#include "core/base.h"
#include "director/director_packet.h"

struct director_sender;

/*
 * Opens the sockets and draws a mark. Needs CAP_NET_RAW and CAP_NET_ADMIN.
 * Returns 0 or -errno.
 */
MUST_CHECK int director_sender_open(struct director_sender **ret_sender);
void director_sender_close(struct director_sender *s); /* takes NULL */

uint32_t director_sender_mark(const struct director_sender *s);
/* The loopback interface's number. */
uint32_t director_sender_loopback(const struct director_sender *s);

/* What cannot be sent is lost, as on any wire. */
void director_sender_put(
    struct director_sender *s, const struct director_packet *p);
void director_sender_flush(struct director_sender *s);

/* At once, as it is: from an address of this host. */
void director_sender_reject(
    struct director_sender *s, const struct director_packet *p);

/* Packets that the kernel did not take. */
uint64_t director_sender_lost(const struct director_sender *s);

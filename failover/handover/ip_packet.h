#pragma once

/*
 * The IP packet that a packet socket has shown, IPv4 or IPv6 without extension
 * headers: what the filters before it let pass (core/socket_filter.h).
 *
 * Pure.
 */

#include "core/base.h"

union addr;

/* Also the least of IPv4 with TCP. */
#define IP_PACKET_BYTES_MIN 40

/*
 * All of these want IP_PACKET_BYTES_MIN bytes, and look at no more than `len`.
 */

/* TCP that opens a connection, and answers none (RFC 9293 section 3.5). */
bool ip_packet_is_syn(const uint8_t *ip, size_t len);

/* Where it wants to go; the port is 0. */
union addr ip_packet_dest(const uint8_t *ip);

/* By its own header, without what Ethernet has padded; 0 where it is more. */
size_t ip_packet_len(const uint8_t *ip, size_t len);

/*
 * Between machines of one host checksums are left to "the hardware", which then
 * gets only the pseudo-header's sum, at `at` (struct virtio_net_hdr). Where
 * there is none it is done here: over all from `start`. False, and nothing is
 * done, where these are outside of the packet.
 */
MUST_CHECK bool ip_packet_finish_checksum(
    uint8_t *ip, size_t len, size_t start, size_t at);

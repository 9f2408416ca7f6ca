#pragma once

/*
 * Frames that ask a LAN who has an address, without telling anybody an address
 * of ours: the ARP probe (RFC 5227 section 2.1.1) and the neighbour
 * solicitation from the unspecified address (RFC 4862 section 5.4.2). And what
 * neighbours' packets say about addresses, asked or not.
 *
 * Pure.
 */

#include "core/base.h"
#include "failover/frame.h"

/* `mac` is our interface's, `ip` the address asked for, in network order. */
struct frame query_arp(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 4]);
struct frame query_neighbour(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 16]);

/* Somebody shows that it has an address. */
struct query_sighting {
	size_t ip_len; /* 4 or 16 */
	uint8_t ip[16];
	uint8_t mac[FRAME_MAC_BYTES]; /* zeros: it did not say */
};

/*
 * The sender of an ARP request or reply, whole Ethernet frame. False where it
 * shows nothing: a probe, another protocol, too short.
 */
MUST_CHECK bool query_read_arp(
    const uint8_t *frame, size_t len, struct query_sighting *ret_sighting);

/* The target of a neighbour advertisement, from its ICMPv6 header on. */
MUST_CHECK bool query_read_advert(
    const uint8_t *message, size_t len, struct query_sighting *ret_sighting);

/* Whether the frame or message names this hardware address, or none. */
bool query_is_from(
    const struct query_sighting *s, const uint8_t mac[static FRAME_MAC_BYTES]);

#pragma once

/*
 * What neighbours' packets say about addresses, asked (arp_nd_frame.h) or not.
 *
 * Pure.
 */

#include "core/addr.h"
#include "core/base.h"
#include "failover/vip/arp_nd_frame.h"

/* Somebody shows that it has an address. */
struct arp_nd_seen {
	union addr addr;
	uint8_t mac[ARP_ND_FRAME_MAC_BYTES]; /* zeros: it did not say */
};

/*
 * The sender of an ARP request or reply, whole Ethernet frame. False where it
 * shows nothing: a probe, another protocol, too short.
 */
MUST_CHECK bool arp_nd_seen_read_arp(
    const uint8_t *frame, size_t len, struct arp_nd_seen *ret_sighting);

/* The target of a neighbour advertisement, from its ICMPv6 header on. */
MUST_CHECK bool arp_nd_seen_read_advert(
    const uint8_t *message, size_t len, struct arp_nd_seen *ret_sighting);

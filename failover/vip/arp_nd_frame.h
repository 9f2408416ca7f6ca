#pragma once

/*
 * The frames that we send, as bytes. Some tell a LAN where a virtual IP is now:
 * gratuitous ARP (RFC 5227 announcement, and the reply form for neighbours that
 * only learn from replies) and the unsolicited neighbour advertisement (RFC
 * 4861). Others ask who has an address, and tell nobody one of ours: the ARP
 * probe (RFC 5227 section 2.1.1) and the neighbour solicitation from the
 * unspecified address (RFC 4862 section 5.4.2).
 *
 * Pure.
 */

#include "core/base.h"

#define ARP_ND_FRAME_MAC_BYTES 6
#define ARP_ND_FRAME_BYTES_MAX 86 /* Ethernet 14, IPv6 40, advertisement 32 */

struct arp_nd_frame {
	size_t len;
	uint8_t bytes[ARP_ND_FRAME_BYTES_MAX];
};

/* `mac` is our interface's, `ip` in network order. */
struct arp_nd_frame arp_nd_frame_arp_request(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4]);
struct arp_nd_frame arp_nd_frame_arp_reply(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4]);

struct arp_nd_frame arp_nd_frame_neighbour_advert(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 16]);

/* `ip` is the address that is asked for. */
struct arp_nd_frame arp_nd_frame_arp_probe(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4]);
struct arp_nd_frame arp_nd_frame_neighbour_solicit(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 16]);

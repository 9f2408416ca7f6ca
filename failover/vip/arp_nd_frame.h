#pragma once

/*
 * The frames that we send, as bytes. Some tell a LAN where a virtual IP is now:
 * gratuitous ARP (RFC 5227 announcement, and the reply form for neighbours that
 * only learn from replies) and the unsolicited neighbour advertisement (RFC
 * 4861). Others ask who has an address, and tell nobody one of ours: the ARP
 * probe (RFC 5227 section 2.1.1) and the neighbour solicitation from the
 * unspecified address (RFC 4862 section 5.4.2). That one is for virtual IPs: a
 * host that looks for a duplicate of its own address takes it for one, and is
 * asked from an address of ours, as by any neighbour.
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

/*
 * `mac` is our interface's; `ip`, of 4 or 16 bytes, in network order. ARP has
 * two forms, a request and a `reply`.
 */
struct arp_nd_frame arp_nd_frame_announce(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES], const uint8_t *ip,
    size_t ip_len, bool reply);

/* Who has it? `from`, of IPv6, is ours; NULL: nobody asks, and for ARP always.
 */
struct arp_nd_frame arp_nd_frame_ask(
    const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES], const uint8_t *from,
    const uint8_t *ip, size_t ip_len);

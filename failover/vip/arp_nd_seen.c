#include "failover/vip/arp_nd_seen.h"

#include "core/buf.h"

#include <string.h>

#define ETHERTYPE_ARP 0x0806
#define HARDWARE_ETHERNET 1
#define PROTOCOL_IPV4 0x0800
#define OPERATION_REQUEST 1
#define OPERATION_REPLY 2
#define ADVERT_TYPE 136
#define OPTION_TARGET_MAC 2

bool
arp_nd_seen_read_arp(
    const uint8_t *frame, size_t len, struct arp_nd_seen *ret_sighting)
{
	struct arp_nd_seen s = { .addr.in.sin_family = AF_INET };
	struct buf b = buf_reader(frame, len);
	uint8_t skipped[2 * ARP_ND_FRAME_MAC_BYTES];
	uint16_t operation;

	buf_get_bytes(&b, skipped, sizeof(skipped));
	if (buf_get_u16(&b) != ETHERTYPE_ARP ||
	    buf_get_u16(&b) != HARDWARE_ETHERNET ||
	    buf_get_u16(&b) != PROTOCOL_IPV4 ||
	    buf_get_u8(&b) != ARP_ND_FRAME_MAC_BYTES || buf_get_u8(&b) != 4)
		return false;
	operation = buf_get_u16(&b);
	buf_get_bytes(&b, s.mac, ARP_ND_FRAME_MAC_BYTES);
	buf_get_bytes(&b, &s.addr.in.sin_addr, 4);
	if (b.bad || s.addr.in.sin_addr.s_addr == INADDR_ANY)
		return false;
	if (operation != OPERATION_REQUEST && operation != OPERATION_REPLY)
		return false;
	*ret_sighting = s;
	return true;
}

/* RFC 4861 section 4.6: type, length in units of 8 bytes, the rest. */
static bool
read_options(struct buf *b, uint8_t ret_mac[static ARP_ND_FRAME_MAC_BYTES])
{
	while (b->pos < b->len) {
		uint8_t option[8];
		unsigned units;

		buf_get_bytes(b, option, sizeof(option));
		units = option[1];
		if (b->bad || units == 0)
			return false;
		if (option[0] == OPTION_TARGET_MAC)
			memcpy(ret_mac, option + 2, ARP_ND_FRAME_MAC_BYTES);
		while (--units > 0)
			(void)buf_get_u64(b);
	}
	return !b->bad;
}

bool
arp_nd_seen_read_advert(
    const uint8_t *message, size_t len, struct arp_nd_seen *ret_sighting)
{
	struct arp_nd_seen s = { .addr.in6.sin6_family = AF_INET6 };
	struct buf b = buf_reader(message, len);

	if (buf_get_u8(&b) != ADVERT_TYPE || buf_get_u8(&b) != 0)
		return false;
	(void)buf_get_u16(&b); /* the checksum: the kernel has seen to it */
	(void)buf_get_u32(&b);
	buf_get_bytes(&b, &s.addr.in6.sin6_addr, 16);
	if (b.bad || !read_options(&b, s.mac))
		return false;
	*ret_sighting = s;
	return true;
}

#include "failover/query.h"

#include <string.h>

#include "core/buf.h"

#define ETHER_BYTES 14
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86dd
#define HARDWARE_ETHERNET 1
#define PROTOCOL_IPV4 0x0800
#define OPERATION_REQUEST 1
#define OPERATION_REPLY 2
#define ICMPV6 58
#define SOLICIT_TYPE 135
#define SOLICIT_BYTES 24 /* without options: there is no source to tell */
#define ADVERT_TYPE 136
#define OPTION_TARGET_MAC 2

static const uint8_t broadcast[FRAME_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff };
static const uint8_t no_mac[FRAME_MAC_BYTES];
static const uint8_t no_ip[16];

struct frame
query_arp(const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 4])
{
	struct frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));

	buf_put_bytes(&b, broadcast, FRAME_MAC_BYTES);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_ARP);
	buf_put_u16(&b, HARDWARE_ETHERNET);
	buf_put_u16(&b, PROTOCOL_IPV4);
	buf_put_u8(&b, FRAME_MAC_BYTES);
	buf_put_u8(&b, 4);
	buf_put_u16(&b, OPERATION_REQUEST);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_bytes(&b, no_ip, 4); /* nobody learns anything from it */
	buf_put_bytes(&b, no_mac, FRAME_MAC_BYTES);
	buf_put_bytes(&b, ip, 4);
	f.len = b.pos;
	return f;
}

/* RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX, by the last three bytes. */
static void
solicited_node(const uint8_t ip[static 16], uint8_t ret_group[static 16])
{
	static const uint8_t prefix[13] = { 0xff, 0x02, [11] = 0x01, 0xff };

	memcpy(ret_group, prefix, sizeof(prefix));
	memcpy(ret_group + sizeof(prefix), ip + 13, 3);
}

struct frame
query_neighbour(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 16])
{
	enum {
		MESSAGE = ETHER_BYTES + 40,
		CHECKSUM = MESSAGE + 2
	};
	struct frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));
	uint8_t group[16];
	uint16_t sum;

	solicited_node(ip, group);
	buf_put_u16(&b, 0x3333); /* RFC 2464 section 7 */
	buf_put_bytes(&b, group + 12, 4);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_IPV6);
	buf_put_u32(&b, 0x60000000);
	buf_put_u16(&b, SOLICIT_BYTES);
	buf_put_u8(&b, ICMPV6);
	buf_put_u8(&b, 255); /* RFC 4861 7.1.1: anything else is dropped */
	buf_put_bytes(&b, no_ip, 16);
	buf_put_bytes(&b, group, 16);
	buf_put_u8(&b, SOLICIT_TYPE);
	buf_put_u8(&b, 0);
	buf_put_u16(&b, 0); /* the checksum, below */
	buf_put_u32(&b, 0);
	buf_put_bytes(&b, ip, 16);
	sum = frame_checksum(
	    no_ip, group, ICMPV6, f.bytes + MESSAGE, SOLICIT_BYTES);
	f.bytes[CHECKSUM] = (uint8_t)(sum >> 8);
	f.bytes[CHECKSUM + 1] = (uint8_t)sum;
	f.len = b.pos;
	return f;
}

bool
query_read_arp(
    const uint8_t *frame, size_t len, struct query_sighting *ret_sighting)
{
	struct query_sighting s = { .ip_len = 4 };
	struct buf b = buf_reader(frame, len);
	uint8_t skipped[2 * FRAME_MAC_BYTES];
	uint16_t operation;

	buf_get_bytes(&b, skipped, sizeof(skipped));
	if (buf_get_u16(&b) != ETHERTYPE_ARP ||
	    buf_get_u16(&b) != HARDWARE_ETHERNET ||
	    buf_get_u16(&b) != PROTOCOL_IPV4 ||
	    buf_get_u8(&b) != FRAME_MAC_BYTES || buf_get_u8(&b) != 4)
		return false;
	operation = buf_get_u16(&b);
	buf_get_bytes(&b, s.mac, FRAME_MAC_BYTES);
	buf_get_bytes(&b, s.ip, 4);
	if (b.bad || memcmp(s.ip, no_ip, 4) == 0)
		return false;
	if (operation != OPERATION_REQUEST && operation != OPERATION_REPLY)
		return false;
	*ret_sighting = s;
	return true;
}

/* RFC 4861 section 4.6: type, length in units of 8 bytes, the rest. */
static bool
read_options(struct buf *b, uint8_t ret_mac[static FRAME_MAC_BYTES])
{
	while (b->pos < b->len) {
		uint8_t option[8];
		unsigned units;

		buf_get_bytes(b, option, sizeof(option));
		units = option[1];
		if (b->bad || units == 0)
			return false;
		if (option[0] == OPTION_TARGET_MAC)
			memcpy(ret_mac, option + 2, FRAME_MAC_BYTES);
		while (--units > 0)
			(void)buf_get_u64(b);
	}
	return !b->bad;
}

bool
query_read_advert(
    const uint8_t *message, size_t len, struct query_sighting *ret_sighting)
{
	struct query_sighting s = { .ip_len = 16 };
	struct buf b = buf_reader(message, len);

	if (buf_get_u8(&b) != ADVERT_TYPE || buf_get_u8(&b) != 0)
		return false;
	(void)buf_get_u16(&b); /* the checksum: the kernel has seen to it */
	(void)buf_get_u32(&b);
	buf_get_bytes(&b, s.ip, 16);
	if (b.bad || !read_options(&b, s.mac))
		return false;
	*ret_sighting = s;
	return true;
}

bool
query_is_from(
    const struct query_sighting *s, const uint8_t mac[static FRAME_MAC_BYTES])
{
	return memcmp(s->mac, mac, FRAME_MAC_BYTES) == 0 ||
	    memcmp(s->mac, no_mac, FRAME_MAC_BYTES) == 0;
}

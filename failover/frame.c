#include "failover/frame.h"

#include <string.h>

#include "core/buf.h"

#define ETHERTYPE_ARP_ 0x0806
#define ETHERTYPE_IPV6_ 0x86dd
#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ICMPV6 58
#define ADVERT_BYTES 32 /* header 24, target link-layer address option 8 */
#define ADVERT_TYPE 136
/* Override: neighbours replace what they have. Not solicited, no router. */
#define ADVERT_FLAG_OVERRIDE 0x20000000u

static const uint8_t broadcast[FRAME_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff };
static const uint8_t all_nodes_mac[FRAME_MAC_BYTES] = { 0x33, 0x33, 0, 0, 0,
	1 };
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

static struct frame
finish(struct frame *f, const struct buf *b)
{
	f->len = b->bad ? 0 : b->pos;
	return *f;
}

/*
 * Sender and target are both the virtual IP: that is what makes it an
 * announcement. Linux, keepalived and most others put the broadcast address
 * into the target's hardware field; receivers ignore it.
 */
static struct frame
arp(const uint8_t *mac, const uint8_t *ip, uint16_t operation)
{
	struct frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));

	buf_put_bytes(&b, broadcast, FRAME_MAC_BYTES);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_ARP_);
	buf_put_u16(&b, 1);      /* Ethernet */
	buf_put_u16(&b, 0x0800); /* IPv4 */
	buf_put_u8(&b, FRAME_MAC_BYTES);
	buf_put_u8(&b, 4);
	buf_put_u16(&b, operation);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_bytes(&b, ip, 4);
	buf_put_bytes(&b, broadcast, FRAME_MAC_BYTES);
	buf_put_bytes(&b, ip, 4);
	return finish(&f, &b);
}

struct frame
frame_arp_request(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 4])
{
	return arp(mac, ip, ARP_REQUEST);
}

struct frame
frame_arp_reply(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 4])
{
	return arp(mac, ip, ARP_REPLY);
}

/* RFC 1071, over an even number of bytes. */
static uint32_t
sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

uint16_t
frame_checksum(const uint8_t source[static 16], const uint8_t dest[static 16],
    uint8_t protocol, const uint8_t *message, size_t len)
{
	uint32_t sum = (uint32_t)len + protocol;

	sum = sum16(sum, source, 16);
	sum = sum16(sum, dest, 16);
	sum = sum16(sum, message, len);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct frame
frame_neighbour_advert(
    const uint8_t mac[static FRAME_MAC_BYTES], const uint8_t ip[static 16])
{
	enum {
		MESSAGE = 14 + 40,
		CHECKSUM = MESSAGE + 2
	};
	struct frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));
	uint16_t sum;

	buf_put_bytes(&b, all_nodes_mac, FRAME_MAC_BYTES);
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_IPV6_);
	buf_put_u32(&b, 0x60000000);
	buf_put_u16(&b, ADVERT_BYTES);
	buf_put_u8(&b, ICMPV6);
	buf_put_u8(&b, 255); /* RFC 4861 7.1.2: anything else is dropped */
	buf_put_bytes(&b, ip, 16);
	buf_put_bytes(&b, all_nodes, 16);
	buf_put_u8(&b, ADVERT_TYPE);
	buf_put_u8(&b, 0);
	buf_put_u16(&b, 0); /* the checksum, below */
	buf_put_u32(&b, ADVERT_FLAG_OVERRIDE);
	buf_put_bytes(&b, ip, 16);
	buf_put_u8(&b, 2); /* option: target link-layer address */
	buf_put_u8(&b, 1); /* of 8 bytes */
	buf_put_bytes(&b, mac, FRAME_MAC_BYTES);
	sum = frame_checksum(
	    ip, all_nodes, ICMPV6, f.bytes + MESSAGE, ADVERT_BYTES);
	f.bytes[CHECKSUM] = (uint8_t)(sum >> 8);
	f.bytes[CHECKSUM + 1] = (uint8_t)sum;
	return finish(&f, &b);
}

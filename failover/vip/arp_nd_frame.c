#include "failover/vip/arp_nd_frame.h"

#include "core/buf.h"
#include "failover/checksum.h"

#include <string.h>

#define ETHERTYPE_ARP_ 0x0806
#define ETHERTYPE_IPV6_ 0x86dd
#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ICMPV6 58
#define MESSAGE_AT (14 + 40)
#define CHECKSUM_AT (MESSAGE_AT + 2)
#define SOLICIT_TYPE 135
#define SOLICIT_BYTES 24 /* without options: there is no source to tell */
#define ADVERT_TYPE 136
#define ADVERT_BYTES 32 /* header 24, target link-layer address option 8 */
/* Override: neighbours replace what they have. Not solicited, no router. */
#define ADVERT_FLAG_OVERRIDE 0x20000000u

static const uint8_t broadcast[ARP_ND_FRAME_MAC_BYTES] = { 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff };
static const uint8_t no_mac[ARP_ND_FRAME_MAC_BYTES];
static const uint8_t no_ip[16];
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

/* To all, from `mac`. */
struct arp {
	uint16_t operation;
	const uint8_t *sender_ip, *target_mac, *target_ip;
};

static struct arp_nd_frame
put_arp(const uint8_t *mac, const struct arp *arp)
{
	struct arp_nd_frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));

	buf_put_bytes(&b, broadcast, ARP_ND_FRAME_MAC_BYTES);
	buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_ARP_);
	buf_put_u16(&b, 1);      /* Ethernet */
	buf_put_u16(&b, 0x0800); /* IPv4 */
	buf_put_u8(&b, ARP_ND_FRAME_MAC_BYTES);
	buf_put_u8(&b, 4);
	buf_put_u16(&b, arp->operation);
	buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_bytes(&b, arp->sender_ip, 4);
	buf_put_bytes(&b, arp->target_mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_bytes(&b, arp->target_ip, 4);
	f.len = b.pos;
	return f;
}

/*
 * Sender and target are both the virtual IP: that is what makes it an
 * announcement. Linux, keepalived and most others put the broadcast address
 * into the target's hardware field; receivers ignore it.
 */
static struct arp_nd_frame
announcement(const uint8_t *mac, const uint8_t *ip, uint16_t operation)
{
	return put_arp(mac,
	    &(struct arp){ .operation = operation,
	        .sender_ip = ip,
	        .target_mac = broadcast,
	        .target_ip = ip });
}

struct arp_nd_frame
arp_nd_frame_arp_request(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4])
{
	return announcement(mac, ip, ARP_REQUEST);
}

struct arp_nd_frame
arp_nd_frame_arp_reply(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4])
{
	return announcement(mac, ip, ARP_REPLY);
}

/* Without a sender's address nobody learns anything from it. */
struct arp_nd_frame
arp_nd_frame_arp_probe(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 4])
{
	return put_arp(mac,
	    &(struct arp){ .operation = ARP_REQUEST,
	        .sender_ip = no_ip,
	        .target_mac = no_mac,
	        .target_ip = ip });
}

/* A message about the address `target`, up to its options. */
struct neighbour {
	const uint8_t *source, *dest, *target;
	uint8_t type;
	uint16_t bytes; /* with the options */
	uint32_t flags;
};

static void
put_neighbour(struct buf *b, const uint8_t *mac, const struct neighbour *n)
{
	buf_put_u16(b, 0x3333); /* RFC 2464 section 7: of a multicast group */
	buf_put_bytes(b, n->dest + 12, 4);
	buf_put_bytes(b, mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_u16(b, ETHERTYPE_IPV6_);
	buf_put_u32(b, 0x60000000);
	buf_put_u16(b, n->bytes);
	buf_put_u8(b, ICMPV6);
	buf_put_u8(b, 255); /* RFC 4861 7.1: anything else is dropped */
	buf_put_bytes(b, n->source, 16);
	buf_put_bytes(b, n->dest, 16);
	buf_put_u8(b, n->type);
	buf_put_u8(b, 0);
	buf_put_u16(b, 0); /* the checksum: finish() */
	buf_put_u32(b, n->flags);
	buf_put_bytes(b, n->target, 16);
}

static void
finish(struct arp_nd_frame *f, const struct buf *b, const struct neighbour *n)
{
	uint32_t sum = ICMPV6 + n->bytes; /* RFC 8200 section 8.1 */

	sum = checksum_add(sum, n->source, 16);
	sum = checksum_add(sum, n->dest, 16);
	sum = checksum_add(sum, f->bytes + MESSAGE_AT, n->bytes);
	checksum_put(f->bytes + CHECKSUM_AT, sum);
	f->len = b->pos;
}

struct arp_nd_frame
arp_nd_frame_neighbour_advert(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 16])
{
	const struct neighbour n = { .source = ip,
		.dest = all_nodes,
		.target = ip,
		.type = ADVERT_TYPE,
		.bytes = ADVERT_BYTES,
		.flags = ADVERT_FLAG_OVERRIDE };
	struct arp_nd_frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));

	put_neighbour(&b, mac, &n);
	buf_put_u8(&b, 2); /* option: target link-layer address */
	buf_put_u8(&b, 1); /* of 8 bytes */
	buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	finish(&f, &b, &n);
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

struct arp_nd_frame
arp_nd_frame_neighbour_solicit(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t ip[static 16])
{
	uint8_t group[16];
	const struct neighbour n = { .source = no_ip,
		.dest = group,
		.target = ip,
		.type = SOLICIT_TYPE,
		.bytes = SOLICIT_BYTES };
	struct arp_nd_frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));

	solicited_node(ip, group);
	put_neighbour(&b, mac, &n);
	finish(&f, &b, &n);
	return f;
}

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
#define SOLICIT_BYTES 24      /* without options: there is no source to tell */
#define SOLICIT_FROM_BYTES 32 /* source link-layer address option 8 */
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
static struct arp_nd_frame
put_arp(const uint8_t *mac, uint16_t operation, const uint8_t *sender_ip,
    const uint8_t *target_mac, const uint8_t *target_ip)
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
	buf_put_u16(&b, operation);
	buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_bytes(&b, sender_ip, 4);
	buf_put_bytes(&b, target_mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_bytes(&b, target_ip, 4);
	f.len = b.pos;
	return f;
}

/* A message about the address `target`. */
struct neighbour {
	const uint8_t *source, *dest, *target;
	uint8_t type;
	uint16_t bytes; /* with the options */
	uint32_t flags;
};

static struct arp_nd_frame
put_neighbour(const uint8_t *mac, const struct neighbour *n)
{
	struct arp_nd_frame f = { 0 };
	struct buf b = buf_writer(f.bytes, sizeof(f.bytes));
	uint32_t sum = ICMPV6 + n->bytes; /* RFC 8200 section 8.1 */

	buf_put_u16(&b, 0x3333); /* RFC 2464 section 7: of a multicast group */
	buf_put_bytes(&b, n->dest + 12, 4);
	buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	buf_put_u16(&b, ETHERTYPE_IPV6_);
	buf_put_u32(&b, 0x60000000);
	buf_put_u16(&b, n->bytes);
	buf_put_u8(&b, ICMPV6);
	buf_put_u8(&b, 255); /* RFC 4861 7.1: anything else is dropped */
	buf_put_bytes(&b, n->source, 16);
	buf_put_bytes(&b, n->dest, 16);
	buf_put_u8(&b, n->type);
	buf_put_u8(&b, 0);
	buf_put_u16(&b, 0); /* the checksum, below */
	buf_put_u32(&b, n->flags);
	buf_put_bytes(&b, n->target, 16);
	if (n->bytes > SOLICIT_BYTES) {
		/* Option: target, or source link-layer address; of 8 bytes. */
		buf_put_u8(&b, n->type == ADVERT_TYPE ? 2 : 1);
		buf_put_u8(&b, 1);
		buf_put_bytes(&b, mac, ARP_ND_FRAME_MAC_BYTES);
	}
	sum = checksum_add(sum, n->source, 16);
	sum = checksum_add(sum, n->dest, 16);
	sum = checksum_add(sum, f.bytes + MESSAGE_AT, n->bytes);
	checksum_put(f.bytes + CHECKSUM_AT, sum);
	f.len = b.pos;
	return f;
}

/*
 * Of ARP sender and target are both the virtual IP: that is what makes it an
 * announcement. Linux, keepalived and most others put the broadcast address
 * into the target's hardware field; receivers ignore it.
 */
struct arp_nd_frame
arp_nd_frame_announce(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t *ip, size_t ip_len, bool reply)
{
	const struct neighbour n = { .source = ip,
		.dest = all_nodes,
		.target = ip,
		.type = ADVERT_TYPE,
		.bytes = ADVERT_BYTES,
		.flags = ADVERT_FLAG_OVERRIDE };

	return ip_len == 4
	    ? put_arp(mac, reply ? ARP_REPLY : ARP_REQUEST, ip, broadcast, ip)
	    : put_neighbour(mac, &n);
}

/* Without a sender's address nobody learns anything from it. */
struct arp_nd_frame
arp_nd_frame_ask(const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES],
    const uint8_t *from, const uint8_t *ip, size_t ip_len)
{
	/* RFC 4291 section 2.7.1: ff02::1:ffXX:XXXX, by the last three bytes */
	uint8_t group[16] = { 0xff, 0x02, [11] = 0x01, 0xff };
	const struct neighbour n = { .source = from != NULL ? from : no_ip,
		.dest = group,
		.target = ip,
		.type = SOLICIT_TYPE,
		.bytes = from != NULL ? SOLICIT_FROM_BYTES : SOLICIT_BYTES };

	if (ip_len == 4)
		return put_arp(mac, ARP_REQUEST, no_ip, no_mac, ip);
	memcpy(group + 13, ip + 13, 3);
	return put_neighbour(mac, &n);
}

#include "failover/connsync/tickle_packet.h"

#include "core/buf.h"
#include "core/conn_record.h"
#include "failover/checksum.h"

#include <netinet/in.h>

#define TCP_BYTES 20
#define TCP_ACK 0x10
#define TCP_CHECKSUM_AT 16
#define HOPS 255

static void
put_v4_header(struct buf *b, const uint8_t *from, const uint8_t *to)
{
	buf_put_u16(b, 0x4500);
	buf_put_u16(b, 20 + TCP_BYTES);
	buf_put_u32(b, 0x00004000); /* no id, don't fragment */
	buf_put_u8(b, HOPS);
	buf_put_u8(b, IPPROTO_TCP);
	buf_put_u16(b, 0); /* the checksum, below */
	buf_put_bytes(b, from, 4);
	buf_put_bytes(b, to, 4);
	checksum_put(b->data + 10, checksum_add(0, b->data, 20));
}

static void
put_v6_header(struct buf *b, const uint8_t *from, const uint8_t *to)
{
	buf_put_u32(b, 0x60000000);
	buf_put_u16(b, TCP_BYTES);
	buf_put_u8(b, IPPROTO_TCP);
	buf_put_u8(b, HOPS);
	buf_put_bytes(b, from, 16);
	buf_put_bytes(b, to, 16);
}

struct tickle_packet
tickle_packet_ack(
    const struct conn_record_end *from, const struct conn_record_end *to)
{
	const bool v6 = from->family == AF_INET6;
	const size_t ip_len = v6 ? 16 : 4;
	struct tickle_packet s = { 0 };
	struct buf b = buf_writer(s.bytes, sizeof(s.bytes));
	uint32_t sum = IPPROTO_TCP + TCP_BYTES; /* the pseudo-header's */
	uint8_t *tcp;

	if (v6)
		put_v6_header(&b, from->ip, to->ip);
	else
		put_v4_header(&b, from->ip, to->ip);
	tcp = b.data + b.pos;
	buf_put_u16(&b, from->port);
	buf_put_u16(&b, to->port);
	buf_put_u32(&b, 0); /* sequence */
	buf_put_u32(&b, 0); /* acknowledgement */
	buf_put_u8(&b, TCP_BYTES / 4 << 4);
	buf_put_u8(&b, TCP_ACK);
	buf_put_u16(&b, TICKLE_PACKET_WINDOW);
	buf_put_u32(&b, 0); /* the checksum, below; urgent pointer */
	sum = checksum_add(sum, from->ip, ip_len);
	sum = checksum_add(sum, to->ip, ip_len);
	checksum_put(tcp + TCP_CHECKSUM_AT, checksum_add(sum, tcp, TCP_BYTES));
	s.len = b.pos;
	return s;
}

#include "director/director_packet.h"

#include <string.h>

enum {
	V4_BYTES = 20,
	V6_BYTES = 40,
	TCP_BYTES = 20,
	PROTOCOL_TCP = 6,
	/* Of what we make ourselves: as hosts send. */
	HOPS = 64,
};

/* Where things are in a header. */
enum {
	V4_LENGTH = 2,
	V4_FLAGS = 6,
	V4_TTL = 8,
	V4_PROTOCOL = 9,
	V4_CHECK = 10,
	V4_ADDRS = 12,
	V6_LENGTH = 4,
	V6_NEXT = 6,
	V6_HOPS = 7,
	V6_ADDRS = 8,
	TCP_SEQ = 4,
	TCP_ACK = 8,
	TCP_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_WINDOW = 14,
	TCP_CHECK = 16,
};

/* Kinds of options. */
enum {
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_MSS = 2,
	OPTION_MPTCP = 30,
	OPTION_FAST_OPEN = 34,
};

static uint16_t
get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t
get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void
put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* RFC 1071; all parts have an even number of bytes. */
static uint32_t
sum_of(const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(bytes + i);
	return sum;
}

static uint16_t
checksum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t
ip_bytes(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? V6_BYTES : (ip[0] & 15) * 4U;
}

/* Lengths and sums, as the bytes are now. */
static void
finish(struct director_packet *p)
{
	const uint32_t header = ip_bytes(p->bytes);
	const uint32_t segment = p->len - header;
	uint8_t *ip = p->bytes, *tcp = ip + header;
	uint32_t sum = PROTOCOL_TCP + segment;

	put16(ip + (p->is_v6 ? V6_LENGTH : V4_LENGTH),
	    p->is_v6 ? segment : p->len);
	sum += p->is_v6 ? sum_of(ip + V6_ADDRS, 2 * CONN_TUPLE_IP)
	                : sum_of(ip + V4_ADDRS, 8);
	put16(tcp + TCP_CHECK, 0);
	put16(tcp + TCP_CHECK, checksum(sum + sum_of(tcp, segment)));
	if (p->is_v6)
		return;
	put16(ip + V4_CHECK, 0);
	put16(ip + V4_CHECK, checksum(sum_of(ip, header)));
}

static void
read_v4(const uint8_t *at, uint8_t ret_ip[static CONN_TUPLE_IP])
{
	static const uint8_t mapped[] = { [10] = 0xff, [11] = 0xff };

	memcpy(ret_ip, mapped, sizeof(mapped));
	memcpy(ret_ip + sizeof(mapped), at, 4);
}

static bool
is_whole(const uint8_t *headers, uint32_t len)
{
	const bool is_v6 = len > 0 && headers[0] >> 4 == 6;
	uint32_t header;

	if (len < V4_BYTES || len > DIRECTOR_PACKET_BYTES_MAX ||
	    (!is_v6 && headers[0] >> 4 != 4))
		return false;
	header = ip_bytes(headers);
	if (header < V4_BYTES || len < header + TCP_BYTES ||
	    headers[is_v6 ? V6_NEXT : V4_PROTOCOL] != PROTOCOL_TCP)
		return false;
	return (headers[header + TCP_OFFSET] >> 4) * 4U == len - header &&
	    len - header >= TCP_BYTES;
}

bool
director_packet_read_syn(const uint8_t *headers, uint32_t len,
    struct conn_tuple *ret_tuple, uint32_t *ret_isn)
{
	const uint8_t *tcp;
	struct conn_tuple t;

	if (!is_whole(headers, len))
		return false;
	tcp = headers + ip_bytes(headers);
	if (headers[0] >> 4 == 6) {
		memcpy(t.src, headers + V6_ADDRS, CONN_TUPLE_IP);
		memcpy(
		    t.dst, headers + V6_ADDRS + CONN_TUPLE_IP, CONN_TUPLE_IP);
	} else {
		read_v4(headers + V4_ADDRS, t.src);
		read_v4(headers + V4_ADDRS + 4, t.dst);
	}
	t.sport = get16(tcp);
	t.dport = get16(tcp + 2);
	*ret_isn = get32(tcp + TCP_SEQ);
	*ret_tuple = t;
	return true;
}

static void
change_option(uint8_t *option, uint32_t len, uint16_t mss)
{
	if (option[0] == OPTION_MSS && len == 4 && mss > 0 &&
	    get16(option + 2) > mss)
		put16(option + 2, mss);
	else if (option[0] == OPTION_MPTCP || option[0] == OPTION_FAST_OPEN)
		memset(option, OPTION_NOTHING, len);
}

static void
change_options(uint8_t *tcp, uint32_t len, uint16_t mss)
{
	uint32_t at = TCP_BYTES, step;

	while (at < len && tcp[at] != OPTION_END) {
		step = 1;
		if (tcp[at] != OPTION_NOTHING) {
			if (at + 2 > len || tcp[at + 1] < 2 ||
			    tcp[at + 1] > len - at)
				return;
			step = tcp[at + 1];
			change_option(tcp + at, step, mss);
		}
		at += step;
	}
}

void
director_packet_make_syn(const uint8_t *headers, uint32_t len, uint16_t mss,
    struct director_packet *ret_packet)
{
	const uint32_t header = ip_bytes(headers);

	*ret_packet = (struct director_packet){ .len = len,
		.is_v6 = headers[0] >> 4 == 6 };
	memcpy(ret_packet->bytes, headers, len);
	change_options(ret_packet->bytes + header, len - header, mss);
	finish(ret_packet);
}

static void
put_ip(struct director_packet *p, const struct conn_tuple *t)
{
	uint8_t *ip = p->bytes;

	if (p->is_v6) {
		ip[0] = 6 << 4;
		ip[V6_NEXT] = PROTOCOL_TCP;
		ip[V6_HOPS] = HOPS;
		memcpy(ip + V6_ADDRS, t->src, CONN_TUPLE_IP);
		memcpy(ip + V6_ADDRS + CONN_TUPLE_IP, t->dst, CONN_TUPLE_IP);
		return;
	}
	ip[0] = 4 << 4 | V4_BYTES / 4;
	ip[V4_FLAGS] = 0x40; /* not to be fragmented: no number is needed */
	ip[V4_TTL] = HOPS;
	ip[V4_PROTOCOL] = PROTOCOL_TCP;
	memcpy(ip + V4_ADDRS, t->src + CONN_TUPLE_IP - 4, 4);
	memcpy(ip + V4_ADDRS + 4, t->dst + CONN_TUPLE_IP - 4, 4);
}

void
director_packet_make_segment(
    const struct director_packet_segment *s, struct director_packet *ret_packet)
{
	const bool is_v6 = !conn_tuple_is_v4(s->tuple.dst);
	const uint32_t header = is_v6 ? V6_BYTES : V4_BYTES;
	uint8_t *tcp = ret_packet->bytes + header;

	*ret_packet = (struct director_packet){ .len = header + TCP_BYTES,
		.is_v6 = is_v6 };
	put_ip(ret_packet, &s->tuple);
	put16(tcp, s->tuple.sport);
	put16(tcp + 2, s->tuple.dport);
	put32(tcp + TCP_SEQ, s->seq);
	put32(tcp + TCP_ACK, s->ack);
	tcp[TCP_OFFSET] = TCP_BYTES / 4 << 4;
	tcp[TCP_FLAGS] = s->flags;
	put16(tcp + TCP_WINDOW, 0);
	finish(ret_packet);
}

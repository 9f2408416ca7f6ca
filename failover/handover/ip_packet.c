#include "failover/handover/ip_packet.h"

#include "core/addr.h"
#include "failover/checksum.h"

#include <netinet/in.h>
#include <string.h>

#define IPV6_BYTES 40
#define TCP_FLAGS_AT 13
#define TCP_SYN 0x02
#define TCP_ACK 0x10

static bool
is_v4(const uint8_t *ip)
{
	return ip[0] >> 4 == 4;
}

static size_t
word(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

bool
ip_packet_is_syn(const uint8_t *ip, size_t len)
{
	const size_t tcp_at = is_v4(ip) ? (ip[0] & 15U) * 4 : IPV6_BYTES;

	return len > tcp_at + TCP_FLAGS_AT &&
	    (ip[tcp_at + TCP_FLAGS_AT] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

union addr
ip_packet_dest(const uint8_t *ip)
{
	union addr to = { .sa.sa_family = AF_INET };

	if (is_v4(ip)) {
		memcpy(&to.in.sin_addr, ip + 16, 4);
	} else {
		to.sa.sa_family = AF_INET6;
		memcpy(&to.in6.sin6_addr, ip + 24, 16);
	}
	return to;
}

size_t
ip_packet_len(const uint8_t *ip, size_t len)
{
	const size_t says =
	    is_v4(ip) ? word(ip + 2) : IPV6_BYTES + word(ip + 4);

	return says <= len ? says : 0;
}

bool
ip_packet_finish_checksum(uint8_t *ip, size_t len, size_t start, size_t at)
{
	if (start > len || at > len - start || len - start - at < 2)
		return false;
	checksum_put(ip + start + at, checksum_add(0, ip + start, len - start));
	return true;
}

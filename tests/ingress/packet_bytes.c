#include "tests/ingress/packet_bytes.h"

uint32_t
packet_bytes_get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint32_t
packet_bytes_get32(const uint8_t *at)
{
	return packet_bytes_get16(at) << 16 | packet_bytes_get16(at + 2);
}

void
packet_bytes_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void
packet_bytes_put32(uint8_t *at, uint32_t value)
{
	packet_bytes_put16(at, value >> 16);
	packet_bytes_put16(at + 2, value);
}

uint32_t
packet_bytes_sum(const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return sum;
}

uint32_t
packet_bytes_checksum(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

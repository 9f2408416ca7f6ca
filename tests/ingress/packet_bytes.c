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

void
packet_bytes_clamp(uint8_t *tcp, uint32_t mss)
{
	uint32_t end = (tcp[12] >> 4) * 4U, at = 20;

	while (at < end && tcp[at] != 0) {
		uint32_t step = 1;

		if (tcp[at] != 1) {
			if (at + 2 > end || tcp[at + 1] < 2)
				return;
			step = tcp[at + 1];
		}
		if (tcp[at] == 2 && step == 4) {
			if (at + 4 <= end &&
			    packet_bytes_get16(tcp + at + 2) > mss)
				packet_bytes_put16(tcp + at + 2, mss);
			return;
		}
		at += step;
	}
}

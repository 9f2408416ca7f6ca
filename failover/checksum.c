#include "failover/checksum.h"

uint32_t
checksum_add(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	if (len % 2 != 0)
		sum += (uint32_t)(bytes[len - 1] << 8);
	return sum;
}

void
checksum_put(uint8_t at[static 2], uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

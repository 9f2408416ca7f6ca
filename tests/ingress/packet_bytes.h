#pragma once

/* Packets as bytes: fields in network order, and sums as in RFC 1071, taken
 * word by word over what is there. */

#include "core/base.h"

uint32_t packet_bytes_get16(const uint8_t *at);
uint32_t packet_bytes_get32(const uint8_t *at);
void packet_bytes_put16(uint8_t *at, uint32_t value);
void packet_bytes_put32(uint8_t *at, uint32_t value);

/* Of 16-bit words; an odd byte is followed by a zero. Not folded: it has room
 * for 64 kB. */
uint32_t packet_bytes_sum(const uint8_t *bytes, uint32_t len);

/* What goes into the field, 0 during the sum: 0 to 0xfffe, or 0xffff of
 * nothing. */
uint32_t packet_bytes_checksum(uint32_t sum);

/* The option of a SYN, as a router clamps it; the checksum stays. */
void packet_bytes_clamp(uint8_t *tcp, uint32_t mss);

#pragma once

/*
 * The Internet checksum (RFC 1071), for the packets that we build ourselves.
 *
 * Pure.
 */

#include "core/base.h"

/* The words of these bytes added to `sum`; an odd last byte counts as one with
 * a zero after it, so only the last part may be odd. */
uint32_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t len);

/* What belongs into the packet, as two bytes in network order. */
void checksum_put(uint8_t at[static 2], uint32_t sum);

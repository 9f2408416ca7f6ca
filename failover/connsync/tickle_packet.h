#pragma once

/*
 * The packet that makes a host look again at a TCP connection: a bare ACK with
 * sequence and acknowledgement number 0, IP header included. It is out of any
 * window, so its receiver answers with an ACK that carries the true numbers
 * (RFC 9293 section 3.10.7.4), and whoever has the address now and no such
 * connection answers that with the RST that fits.
 *
 * Pure.
 */

#include "core/base.h"

struct conn_record_end;

#define TICKLE_PACKET_BYTES_MAX 60 /* IPv6 40, TCP 20 */

/* Nothing reads it: for whoever looks at a trace. */
#define TICKLE_PACKET_WINDOW 8401

struct tickle_packet {
	size_t len;
	uint8_t bytes[TICKLE_PACKET_BYTES_MAX];
};

/* Both of one family. */
struct tickle_packet tickle_packet_ack(
    const struct conn_record_end *from, const struct conn_record_end *to);

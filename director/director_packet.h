#pragma once

/*
 * The packets that a director sends: a client's SYN again, and bare segments in
 * an end's name. From the IP header on, with whole checksums.
 *
 * Pure.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

/* The largest headers of IP and TCP together: a SYN goes on without data. */
#define DIRECTOR_PACKET_BYTES_MAX 120

struct director_packet {
	uint32_t len;
	bool is_v6;
	uint8_t bytes[DIRECTOR_PACKET_BYTES_MAX];
};

/* Of struct director_packet_segment. */
enum director_packet_flag {
	DIRECTOR_PACKET_RST = 0x04,
	DIRECTOR_PACKET_ACK = 0x10,
};

struct director_packet_segment {
	struct conn_tuple tuple; /* both of one family */
	uint8_t flags;
	uint32_t seq, ack;
};

/* What a SYN says, by its headers. False: it is not whole, or no SYN of TCP. */
MUST_CHECK bool director_packet_read_syn(const uint8_t *headers, uint32_t len,
    struct conn_tuple *ret_tuple, uint32_t *ret_isn);

/*
 * The same SYN, of which director_packet_read_syn() has said true: without its
 * data, which the client repeats, and without options that two connections
 * would have to agree on: MPTCP's subflows would go to other servers, and a
 * cookie of Fast Open has come without its data. `mss`: at most; 0: as it is.
 */
void director_packet_make_syn(const uint8_t *headers, uint32_t len,
    uint16_t mss, struct director_packet *ret_packet);

void director_packet_make_segment(const struct director_packet_segment *s,
    struct director_packet *ret_packet);

#pragma once

/*
 * A live connection as the other node must know it: who talks to which virtual
 * IP, and from where we talk to the server, so that after a takeover both can
 * be told. One record a change, in the relay's messages to failover and in the
 * wire's frames alike. Decoded whole or refused.
 *
 * Pure.
 *
 * Layout, in network byte order: 1 length of what follows, 1 change, 1 ends, 8
 * id, then each end as 1 family (4 or 6), 4 or 16 address, 2 port: client and
 * local, and where `ends` is 4 also source and server. What a later version has
 * put behind that is skipped.
 */

#include "core/base.h"

union addr;
struct buf;

#define CONN_RECORD_BYTES_MAX 87

enum conn_record_change {
	CONN_RECORD_UNKNOWN = 0, /* of a later version; nothing else is known */
	CONN_RECORD_OPENED = 1,
	CONN_RECORD_CLOSED = 2, /* ended like any connection: to be forgotten */
	/*
	 * Ended because this node gave up the address, or stops: its ends may
	 * not have heard of it, so whoever knows it goes on knowing it.
	 */
	CONN_RECORD_LEFT = 3,
};

/* No padding and no union: compared and hashed as bytes. */
struct conn_record_end {
	uint16_t family; /* AF_INET, AF_INET6; 0: none */
	uint16_t port;
	uint8_t ip[16]; /* of IPv4 the first four, the rest zero */
};

struct conn_record {
	/* The two that tell connections of this moment apart. */
	struct conn_record_end client, local;
	/* Of the way to the server; none unless `source` is a virtual IP. */
	struct conn_record_end source, server;
	uint64_t id; /* tells it from an earlier one with the same ends */
	enum conn_record_change change;
};

/* From and to a socket address; a v4-mapped one is IPv4. */
struct conn_record_end conn_record_end_of(const union addr *a);
union addr conn_record_end_addr(const struct conn_record_end *e);

/*
 * The id of one that waits in a backlog: a socket's number of the kernel, which
 * no moment is. Once it was accepted it gets another.
 */
static inline uint64_t
conn_record_waiting_id(uint64_t cookie)
{
	return cookie | 1ULL << 63;
}

static inline bool
conn_record_is_waiting(const struct conn_record *c)
{
	return c->id >> 63 != 0;
}

/* Of two with the same ends: one connection, and with the same server. */
bool conn_record_is_same(
    const struct conn_record *a, const struct conn_record *b);

/* At most CONN_RECORD_BYTES_MAX bytes. */
void conn_record_encode(struct buf *b, const struct conn_record *c);

/*
 * One record; more may follow in the buffer. Returns 0 or -EBADMSG. One with a
 * change of a later version is CONN_RECORD_UNKNOWN, and to be skipped.
 */
MUST_CHECK int conn_record_decode(struct buf *b, struct conn_record *ret_conn);

#pragma once

/*
 * A session written down: all that another process needs to go on with it, but
 * for its two sockets. Servers and services are named, moments are spans up to
 * the moment of writing, and what is held in memory is in it: so it means the
 * same to another version, with another file, on another host.
 *
 * Encoded as tlv.h says.
 *
 * Pure.
 */

#include "core/addr.h"

struct buf;

#define SESSION_RECORD_NEEDS 1

#define SESSION_RECORD_NAME_MAX 64 /* with its NUL, as in a configuration */
#define SESSION_RECORD_TRIED_MAX 11

/* Of one record, besides what is held. */
#define SESSION_RECORD_BYTES_MAX 2048

/* These numbers are the format's, not struct session's. */
enum session_record_phase {
	SESSION_RECORD_LISTENING = 1,
	SESSION_RECORD_QUEUED = 2,
	SESSION_RECORD_CONNECTING = 3,
	SESSION_RECORD_MOVING = 4,
	SESSION_RECORD_PARTING = 5,
};

enum session_record_flag {
	SESSION_RECORD_KEPT = 1 << 0,      /* its server's options are set */
	SESSION_RECORD_TOLD = 1 << 1,      /* failover knows of it */
	SESSION_RECORD_WAITED = 1 << 2,    /* queue_left_ns counts */
	SESSION_RECORD_HAS_TIMER = 1 << 3, /* timer_left_ns counts */
};

enum session_record_end_flag {
	SESSION_RECORD_READABLE = 1 << 0,
	SESSION_RECORD_WRITABLE = 1 << 1,
	SESSION_RECORD_HUNG_UP = 1 << 2,
	SESSION_RECORD_FAILED = 1 << 3,
	SESSION_RECORD_SPENT = 1 << 4,
	SESSION_RECORD_ASKS = 1 << 5,
};

enum session_record_flow_flag {
	SESSION_RECORD_END_READ = 1 << 0,
	SESSION_RECORD_END_PASSED = 1 << 1,
	SESSION_RECORD_URGENT = 1 << 2, /* held: one byte, which is urgent */
	SESSION_RECORD_NO_SPLICE = 1 << 3,
};

/* One of its sockets: what is known of it that the kernel does not say. */
struct session_record_end {
	uint8_t flags;        /* enum session_record_end_flag */
	uint8_t mark;         /* as enum flow_mark */
	uint64_t answered_ns; /* ago: see dead_peer.h */
};

/* One direction, by the side it comes from. */
struct session_record_flow {
	uint8_t flags;      /* enum session_record_flow_flag */
	uint8_t full_reads; /* bulk, as in struct flow */
	uint64_t bytes;     /* sent on; those held are not */
	uint32_t held_len;
	const uint8_t *held; /* borrowed: the flow's, or the encoded record's */
};

struct session_record {
	uint8_t phase; /* enum session_record_phase */
	uint8_t flags; /* enum session_record_flag */
	uint64_t id;   /* that failover knows it by */
	char service[SESSION_RECORD_NAME_MAX];
	char server[SESSION_RECORD_NAME_MAX]; /* empty: none */
	union addr client, local, to; /* `local`: where the client came to */
	uint16_t source_port;         /* of our allocator, or 0 */
	uint32_t error, attempts, queued_ms;
	uint64_t place; /* in the queue: pool_waiter.ticket */
	/* Ago, and from now on, of the moment of writing. */
	uint64_t accepted_ns, connected_ns, active_ns;
	uint64_t queue_left_ns, timer_left_ns;
	uint64_t parting_delivered;
	struct session_record_end ends[2];
	struct session_record_flow flows[2];
	uint16_t n_tried;
	char tried[SESSION_RECORD_TRIED_MAX][SESSION_RECORD_NAME_MAX];
};

/* Its encoding has at most so many bytes. */
size_t session_record_room(const struct session_record *r);

void session_record_encode(struct buf *b, const struct session_record *r);

/*
 * One record; more may follow in the buffer, and what is held stays there.
 * Returns 0, -EBADMSG, or -EPROTONOSUPPORT where a later version has to be
 * known for it, and then the buffer is behind it.
 */
MUST_CHECK int session_record_decode(
    struct buf *b, struct session_record *ret_record);

/* Whether it has a server, which it is connecting or connected to. */
bool session_record_has_server(const struct session_record *r);

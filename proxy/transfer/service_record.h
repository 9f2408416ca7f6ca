#pragma once

/*
 * What a relay knows of a service, or of one of its servers, written down for
 * the next one: so that it begins with nobody unknown, and goes on counting
 * where this one ends. Encoded as tlv.h says; moments are spans, as in a
 * session's record. What is counted is what the reader has not been told yet,
 * to be added to what it has.
 *
 * Pure.
 */

#include "core/addr.h"

struct buf;

#define SERVICE_RECORD_NAME_MAX 64
#define SERVICE_RECORD_DETAIL_MAX 80
#define SERVICE_RECORD_ENDINGS_MAX 32

/* The largest has so many bytes. */
#define SERVICE_RECORD_BYTES_MAX 1024

enum service_record_flag {
	SERVICE_RECORD_PASSED = 1 << 0,  /* its last check */
	SERVICE_RECORD_ACCUSED = 1 << 1, /* since its last good answer */
	SERVICE_RECORD_DOUBTED = 1 << 2, /* see pool.h */
	SERVICE_RECORD_CAME_UP = 1 << 3, /* up_ns counts */
};

enum service_record_state {
	SERVICE_RECORD_UNKNOWN,
	SERVICE_RECORD_UP,
	SERVICE_RECORD_DOWN,
	SERVICE_RECORD_DRAIN,
};

enum service_record_role {
	SERVICE_RECORD_UNSAID,
	SERVICE_RECORD_ACTIVE,
	SERVICE_RECORD_STANDBY,
};

struct service_record {
	char service[SERVICE_RECORD_NAME_MAX];
	char server[SERVICE_RECORD_NAME_MAX]; /* empty: of the service itself */
	/* Of a server. */
	uint8_t has_past;         /* 0: it only counts */
	uint8_t state;            /* enum service_record_state */
	uint8_t role;             /* enum service_record_role */
	uint8_t flags;            /* enum service_record_flag */
	uint32_t streak, unasked; /* see health.h */
	uint64_t deaf_ns;         /* clients do not count for so long */
	uint64_t up_ns;           /* ago: of its slow start */
	uint64_t drained_ns;      /* for so long, by an operator's word */
	uint64_t since_wall_ms;   /* of its state; 0: none yet */
	uint64_t latency_us;
	uint32_t load; /* connections that the writer has there now and keeps */
	char detail[SERVICE_RECORD_DETAIL_MAX]; /* of its last check */
	union addr address; /* where it is, if that is known */
	/* Of a service. */
	uint64_t next_ticket; /* of its queue */
	uint64_t retries, denied, too_many;
	uint64_t endings[SERVICE_RECORD_ENDINGS_MAX]; /* by enum end_reason */
	/* Of both. */
	uint64_t total, failed, bytes_in, bytes_out;
};

void service_record_encode(struct buf *b, const struct service_record *r);

/*
 * One; more may follow. Returns 0, -EBADMSG, or -EPROTONOSUPPORT where a later
 * version has to be known for it, and then the buffer is behind it.
 */
MUST_CHECK int service_record_decode(
    struct buf *b, struct service_record *ret_record);

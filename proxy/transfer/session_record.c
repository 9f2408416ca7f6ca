#include "proxy/transfer/session_record.h"

#include "core/buf.h"
#include "proxy/transfer/tlv.h"

#include <errno.h>
#include <string.h>

/* The format: a number keeps its meaning for ever. */
enum tag {
	TAG_PHASE = 1,
	TAG_FLAGS = 2,
	TAG_ID = 3,
	TAG_SERVICE = 4,
	TAG_SERVER = 5,
	TAG_CLIENT = 6,
	TAG_LOCAL = 7,
	TAG_TO = 8,
	TAG_SOURCE_PORT = 9,
	TAG_ERROR = 10,
	TAG_ATTEMPTS = 11,
	TAG_QUEUED = 12,
	TAG_PLACE = 13,
	TAG_ACCEPTED = 14,
	TAG_CONNECTED = 15,
	TAG_ACTIVE = 16,
	TAG_QUEUE_LEFT = 17,
	TAG_TIMER_LEFT = 18,
	TAG_DELIVERED = 19,
	TAG_TRIED = 20, /* as often as it has tried one, in that order */
	/* Of the client's side; of the server's it is the next. */
	TAG_END_FLAGS = 32,
	TAG_END_MARK = 34,
	TAG_END_ANSWERED = 36,
	TAG_FLOW_FLAGS = 38,
	TAG_FLOW_FULL_READS = 40,
	TAG_FLOW_BYTES = 42,
	TAG_FLOW_HELD = 44,
};

#define FIELD(tag, kind, name)                                                 \
	TLV_FIELD(tag, TLV_##kind, struct session_record, name)
#define OF_BOTH(tag, kind, name)                                               \
	FIELD(tag, kind, name(0)), FIELD(tag + 1, kind, name(1))
#define END_FLAGS(i) ends[i].flags
#define END_MARK(i) ends[i].mark
#define END_ANSWERED(i) ends[i].answered_ns
#define FLOW_FLAGS(i) flows[i].flags
#define FLOW_FULL_READS(i) flows[i].full_reads
#define FLOW_BYTES(i) flows[i].bytes

/* All but what is held and was tried. */
static const struct tlv_field fields[] = {
	FIELD(TAG_PHASE, NUMBER, phase),
	FIELD(TAG_FLAGS, NUMBER, flags),
	FIELD(TAG_ID, NUMBER, id),
	FIELD(TAG_SERVICE, TEXT, service),
	FIELD(TAG_SERVER, TEXT, server),
	FIELD(TAG_CLIENT, ADDR, client),
	FIELD(TAG_LOCAL, ADDR, local),
	FIELD(TAG_TO, ADDR, to),
	FIELD(TAG_SOURCE_PORT, NUMBER, source_port),
	FIELD(TAG_ERROR, NUMBER, error),
	FIELD(TAG_ATTEMPTS, NUMBER, attempts),
	FIELD(TAG_QUEUED, NUMBER, queued_ms),
	FIELD(TAG_PLACE, NUMBER, place),
	FIELD(TAG_ACCEPTED, NUMBER, accepted_ns),
	FIELD(TAG_CONNECTED, NUMBER, connected_ns),
	FIELD(TAG_ACTIVE, NUMBER, active_ns),
	FIELD(TAG_QUEUE_LEFT, NUMBER, queue_left_ns),
	FIELD(TAG_TIMER_LEFT, NUMBER, timer_left_ns),
	FIELD(TAG_DELIVERED, NUMBER, parting_delivered),
	OF_BOTH(TAG_END_FLAGS, NUMBER, END_FLAGS),
	OF_BOTH(TAG_END_MARK, NUMBER, END_MARK),
	OF_BOTH(TAG_END_ANSWERED, NUMBER, END_ANSWERED),
	OF_BOTH(TAG_FLOW_FLAGS, NUMBER, FLOW_FLAGS),
	OF_BOTH(TAG_FLOW_FULL_READS, NUMBER, FLOW_FULL_READS),
	OF_BOTH(TAG_FLOW_BYTES, NUMBER, FLOW_BYTES),
};

size_t
session_record_room(const struct session_record *r)
{
	return SESSION_RECORD_BYTES_MAX + r->flows[0].held_len +
	    (size_t)r->flows[1].held_len;
}

void
session_record_encode(struct buf *b, const struct session_record *r)
{
	const size_t start = tlv_begin(b, SESSION_RECORD_NEEDS);

	tlv_put(b, fields, ARRAY_LEN(fields), r);
	for (unsigned i = 0; i < r->n_tried; i++)
		tlv_put_bytes(b, TAG_TRIED, r->tried[i], strlen(r->tried[i]));
	for (uint8_t i = 0; i < 2; i++)
		tlv_put_bytes(b, TAG_FLOW_HELD + i, r->flows[i].held,
		    r->flows[i].held_len);
	tlv_end(b, start);
}

static int
get_tried(struct buf *b, struct session_record *r)
{
	if (r->n_tried == SESSION_RECORD_TRIED_MAX)
		return -EBADMSG;
	return tlv_get_text(b, r->tried[r->n_tried++], SESSION_RECORD_NAME_MAX);
}

/* The field's bytes are all that `b` has. */
static int
get_any(struct buf *b, uint8_t tag, void *ret_record)
{
	struct session_record *r = ret_record;

	if (tag == TAG_TRIED)
		return get_tried(b, r);
	if (tag == TAG_FLOW_HELD || tag == TAG_FLOW_HELD + 1) {
		r->flows[tag - TAG_FLOW_HELD].held = b->data;
		r->flows[tag - TAG_FLOW_HELD].held_len = (uint32_t)b->len;
		return 0;
	}
	return tlv_get(b, tag, fields, ARRAY_LEN(fields), r);
}

bool
session_record_has_server(const struct session_record *r)
{
	return r->server[0] != '\0';
}

static bool
is_sane_flow(const struct session_record_flow *f)
{
	if ((f->flags & SESSION_RECORD_URGENT) != 0 && f->held_len != 1)
		return false;
	/* An end is passed when it was read, and nothing is held any more. */
	return (f->flags & SESSION_RECORD_END_PASSED) == 0 ||
	    ((f->flags & SESSION_RECORD_END_READ) != 0 && f->held_len == 0);
}

static bool
is_sane(const struct session_record *r)
{
	const bool early = r->phase == SESSION_RECORD_LISTENING ||
	    r->phase == SESSION_RECORD_QUEUED;

	/* It has begun to try one, and that is the last of these. */
	if (r->phase == SESSION_RECORD_CONNECTING &&
	    (r->attempts == 0 || r->n_tried == 0))
		return false;
	return r->phase >= SESSION_RECORD_LISTENING &&
	    r->phase <= SESSION_RECORD_PARTING && r->service[0] != '\0' &&
	    r->client.sa.sa_family != AF_UNSPEC &&
	    session_record_has_server(r) == !early && r->ends[0].mark <= 2 &&
	    r->ends[1].mark <= 2 && is_sane_flow(&r->flows[0]) &&
	    is_sane_flow(&r->flows[1]);
}

int
session_record_decode(struct buf *b, struct session_record *ret_record)
{
	struct session_record r = { 0 };
	int e = tlv_read(b, SESSION_RECORD_NEEDS, get_any, &r);

	if (e < 0)
		return e;
	if (!is_sane(&r))
		return -EBADMSG;
	*ret_record = r;
	return 0;
}

#include "proxy/transfer/service_record.h"

#include "proxy/transfer/tlv.h"

#include <errno.h>

#define NEEDS 1

/* The format: a number keeps its meaning for ever. */
#define TAG_ENDINGS 64 /* and those behind, one for each way to end */

#define FIELD(tag, kind, name)                                                 \
	TLV_FIELD(tag, TLV_##kind, struct service_record, name)

static const struct tlv_field fields[] = {
	FIELD(1, TEXT, service),
	FIELD(2, TEXT, server),
	FIELD(3, NUMBER, has_past),
	FIELD(4, NUMBER, state),
	FIELD(5, NUMBER, role),
	FIELD(6, NUMBER, flags),
	FIELD(7, NUMBER, streak),
	FIELD(8, NUMBER, unasked),
	FIELD(9, NUMBER, deaf_ns),
	FIELD(10, NUMBER, up_ns),
	FIELD(11, NUMBER, since_wall_ms),
	FIELD(12, NUMBER, latency_us),
	FIELD(13, TEXT, detail),
	FIELD(14, ADDR, address),
	FIELD(15, NUMBER, next_ticket),
	FIELD(16, NUMBER, retries),
	FIELD(17, NUMBER, denied),
	FIELD(18, NUMBER, too_many),
	FIELD(19, NUMBER, total),
	FIELD(20, NUMBER, failed),
	FIELD(21, NUMBER, bytes_in),
	FIELD(22, NUMBER, bytes_out),
	FIELD(23, NUMBER, load),
	FIELD(24, NUMBER, drained_ns),
};

void
service_record_encode(struct buf *b, const struct service_record *r)
{
	const size_t start = tlv_begin(b, NEEDS);

	tlv_put(b, fields, ARRAY_LEN(fields), r);
	for (unsigned i = 0; i < SERVICE_RECORD_ENDINGS_MAX; i++)
		tlv_put_number(b, (uint8_t)(TAG_ENDINGS + i), r->endings[i]);
	tlv_end(b, start);
}

static int
get_any(struct buf *field, uint8_t tag, void *ret_record)
{
	struct service_record *r = ret_record;

	if (tag >= TAG_ENDINGS &&
	    tag < TAG_ENDINGS + SERVICE_RECORD_ENDINGS_MAX)
		return tlv_get_number(field, &r->endings[tag - TAG_ENDINGS]);
	return tlv_get(field, tag, fields, ARRAY_LEN(fields), r);
}

static bool
is_sane(const struct service_record *r)
{
	return r->service[0] != '\0' && r->state <= SERVICE_RECORD_DRAIN &&
	    r->role <= SERVICE_RECORD_STANDBY;
}

int
service_record_decode(struct buf *b, struct service_record *ret_record)
{
	struct service_record r = { 0 };
	int e = tlv_read(b, NEEDS, get_any, &r);

	if (e < 0)
		return e;
	if (!is_sane(&r))
		return -EBADMSG;
	*ret_record = r;
	return 0;
}

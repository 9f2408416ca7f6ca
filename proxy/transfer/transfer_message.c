#include "proxy/transfer/transfer_message.h"

#include "proxy/transfer/tlv.h"

#include <errno.h>

#define VERSION 1

#define NUMBER(tag, name)                                                      \
	TLV_FIELD(tag, TLV_NUMBER, struct transfer_message, name)

static const struct tlv_field fields[] = {
	NUMBER(1, type),
	NUMBER(2, number),
	NUMBER(3, n_sessions),
	NUMBER(4, far_len),
	NUMBER(5, refused),
	TLV_FIELD(6, TLV_TEXT, struct transfer_message, group),
	NUMBER(7, gone),
};

void
transfer_message_encode(struct buf *b, const struct transfer_message *m)
{
	const size_t start = tlv_begin(b, VERSION);

	tlv_put(b, fields, ARRAY_LEN(fields), m);
	tlv_end(b, start);
}

static int
take(struct buf *field, uint8_t tag, void *ret_message)
{
	return tlv_get(field, tag, fields, ARRAY_LEN(fields), ret_message);
}

int
transfer_message_decode(struct buf *b, struct transfer_message *ret_message)
{
	struct transfer_message m = { 0 };

	if (tlv_read(b, VERSION, take, &m) < 0 ||
	    m.type < TRANSFER_MESSAGE_GO || m.type > TRANSFER_MESSAGE_DROPPED ||
	    m.n_sessions > TRANSFER_MESSAGE_SESSIONS_MAX)
		return -EBADMSG;
	*ret_message = m;
	return 0;
}

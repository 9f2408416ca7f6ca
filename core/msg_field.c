#include "core/msg_field.h"

#include "core/buf.h"
#include "core/msg.h"

void
msg_field_put(struct buf *b, const struct msg_field *f, size_t n, const void *m)
{
	for (const struct msg_field *end = f + n; f < end; f++) {
		const void *at = (const char *)m + f->at;

		switch (f->kind) {
		case MSG_FIELD_U8:
			buf_put_u8(b, *(const uint8_t *)at);
			break;
		case MSG_FIELD_U16:
			buf_put_u16(b, *(const uint16_t *)at);
			break;
		case MSG_FIELD_U32:
			buf_put_u32(b, *(const uint32_t *)at);
			break;
		case MSG_FIELD_U64:
			buf_put_u64(b, *(const uint64_t *)at);
			break;
		case MSG_FIELD_BOOL:
			buf_put_u8(b, *(const bool *)at);
			break;
		case MSG_FIELD_STATE:
			buf_put_u8(b, *(const enum msg_group_state *)at);
			break;
		case MSG_FIELD_BYTES:
			buf_put_bytes(b, at, f->room);
			break;
		case MSG_FIELD_TEXT:
		case MSG_FIELD_LATER:
			buf_put_str(b, at);
			break;
		}
	}
}

uint8_t
msg_field_get_most(struct buf *b, uint8_t most)
{
	const uint8_t v = buf_get_u8(b);

	if (v > most)
		b->bad = true;
	return v;
}

void
msg_field_get(struct buf *b, const struct msg_field *f, size_t n, void *ret_m)
{
	for (const struct msg_field *end = f + n; f < end; f++) {
		void *at = (char *)ret_m + f->at;

		switch (f->kind) {
		case MSG_FIELD_U8:
			*(uint8_t *)at = buf_get_u8(b);
			break;
		case MSG_FIELD_U16:
			*(uint16_t *)at = buf_get_u16(b);
			break;
		case MSG_FIELD_U32:
			*(uint32_t *)at = buf_get_u32(b);
			break;
		case MSG_FIELD_U64:
			*(uint64_t *)at = buf_get_u64(b);
			break;
		case MSG_FIELD_BOOL:
			*(bool *)at = msg_field_get_most(b, 1) == 1;
			break;
		case MSG_FIELD_STATE:
			*(enum msg_group_state *)at =
			    msg_field_get_most(b, MSG_GROUP_FAULT);
			break;
		case MSG_FIELD_BYTES:
			buf_get_bytes(b, at, f->room);
			break;
		case MSG_FIELD_LATER:
			*(char *)at = '\0';
			if (buf_is_done(b))
				break;
			buf_get_str(b, at, f->room);
			break;
		case MSG_FIELD_TEXT:
			buf_get_str(b, at, f->room);
			break;
		}
	}
}

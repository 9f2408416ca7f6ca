#include "proxy/transfer/tlv.h"

#include "core/addr.h"

#include <errno.h>
#include <string.h>

#define V4_BYTES 6
#define V6_BYTES 22

size_t
tlv_begin(struct buf *b, uint8_t needs)
{
	const size_t start = b->pos;

	buf_put_u32(b, 0); /* its length, when it is known */
	buf_put_u8(b, needs);
	return start;
}

void
tlv_end(struct buf *b, size_t start)
{
	struct buf head;

	if (b->bad)
		return;
	head = buf_writer(b->data + start, sizeof(uint32_t));
	buf_put_u32(&head, (uint32_t)(b->pos - start - sizeof(uint32_t)));
}

static void
put_head(struct buf *b, uint8_t tag, size_t len)
{
	buf_put_u8(b, tag);
	buf_put_u32(b, (uint32_t)len);
}

void
tlv_put_bytes(struct buf *b, uint8_t tag, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	put_head(b, tag, len);
	buf_put_bytes(b, bytes, len);
}

void
tlv_put_number(struct buf *b, uint8_t tag, uint64_t v)
{
	uint8_t bytes[sizeof(v)];
	size_t n = 0;

	while (n < sizeof(bytes) && v >> n * 8 != 0)
		n++;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (n - 1 - i) * 8);
	tlv_put_bytes(b, tag, bytes, n);
}

/* The bytes, the port; of IPv6 the scope, too. Both are in network order. */
static void
put_addr(struct buf *b, uint8_t tag, const union addr *a)
{
	if (a->sa.sa_family == AF_INET) {
		put_head(b, tag, V4_BYTES);
		buf_put_bytes(b, &a->in.sin_addr, sizeof(a->in.sin_addr));
		buf_put_bytes(b, &a->in.sin_port, sizeof(a->in.sin_port));
	} else if (a->sa.sa_family == AF_INET6) {
		put_head(b, tag, V6_BYTES);
		buf_put_bytes(b, &a->in6.sin6_addr, sizeof(a->in6.sin6_addr));
		buf_put_bytes(b, &a->in6.sin6_port, sizeof(a->in6.sin6_port));
		buf_put_u32(b, a->in6.sin6_scope_id);
	}
}

static uint64_t
number_at(const void *at, size_t room)
{
	switch (room) {
	case sizeof(uint8_t):
		return *(const uint8_t *)at;
	case sizeof(uint16_t):
		return *(const uint16_t *)at;
	case sizeof(uint32_t):
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void
set_number(void *at, size_t room, uint64_t v)
{
	switch (room) {
	case sizeof(uint8_t):
		*(uint8_t *)at = (uint8_t)v;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)at = (uint16_t)v;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)at = (uint32_t)v;
		break;
	default:
		*(uint64_t *)at = v;
		break;
	}
}

void
tlv_put(
    struct buf *b, const struct tlv_field *fields, size_t n, const void *from)
{
	for (const struct tlv_field *f = fields; f < fields + n; f++) {
		const void *at = (const char *)from + f->at;

		switch (f->kind) {
		case TLV_NUMBER:
			tlv_put_number(b, f->tag, number_at(at, f->room));
			break;
		case TLV_TEXT:
			tlv_put_bytes(b, f->tag, at, strlen(at));
			break;
		case TLV_ADDR:
			put_addr(b, f->tag, at);
			break;
		}
	}
}

/* The next `len` bytes, taken out. */
static struct buf
part_of(struct buf *b, size_t len)
{
	struct buf part = { 0 };

	if (b->bad || b->len - b->pos < len) {
		b->bad = true;
		return part;
	}
	part = buf_reader(b->data + b->pos, len);
	b->pos += len;
	return part;
}

static int
open_value(struct buf *b, uint8_t known, struct buf *ret_fields)
{
	struct buf in = part_of(b, buf_get_u32(b));
	const uint8_t needs = buf_get_u8(&in);

	if (b->bad || in.bad)
		return -EBADMSG;
	if (needs > known)
		return -EPROTONOSUPPORT;
	*ret_fields = in;
	return 0;
}

/* Returns 1, 0 at the end, or -EBADMSG. */
static int
next_field(struct buf *fields, uint8_t *ret_tag, struct buf *ret_bytes)
{
	struct buf bytes;
	uint8_t tag;

	if (fields->pos == fields->len)
		return 0;
	tag = buf_get_u8(fields);
	bytes = part_of(fields, buf_get_u32(fields));
	/* An empty one would not have been written. */
	if (fields->bad || bytes.len == 0)
		return -EBADMSG;
	*ret_tag = tag;
	*ret_bytes = bytes;
	return 1;
}

int
tlv_read(struct buf *b, uint8_t known, tlv_take_fn *take, void *ret_struct)
{
	struct buf fields, bytes;
	uint8_t tag;
	int e = open_value(b, known, &fields);

	if (e < 0)
		return e;
	while ((e = next_field(&fields, &tag, &bytes)) == 1)
		if (take(&bytes, tag, ret_struct) < 0)
			return -EBADMSG;
	return e;
}

int
tlv_get_number(struct buf *bytes, uint64_t *ret_number)
{
	uint64_t v = 0;

	if (bytes->len > sizeof(v))
		return -EBADMSG;
	while (bytes->pos < bytes->len)
		v = v << 8 | buf_get_u8(bytes);
	*ret_number = v;
	return 0;
}

int
tlv_get_text(struct buf *bytes, char *ret_text, size_t room)
{
	if (bytes->len >= room || memchr(bytes->data, '\0', bytes->len) != NULL)
		return -EBADMSG;
	memcpy(ret_text, bytes->data, bytes->len);
	ret_text[bytes->len] = '\0';
	return 0;
}

static int
get_number(struct buf *bytes, void *ret_at, size_t room)
{
	uint64_t v;

	if (bytes->len > room || tlv_get_number(bytes, &v) < 0)
		return -EBADMSG;
	set_number(ret_at, room, v);
	return 0;
}

static int
get_addr(struct buf *b, union addr *ret_addr)
{
	union addr a = { 0 };

	if (b->len == V4_BYTES) {
		a.in.sin_family = AF_INET;
		buf_get_bytes(b, &a.in.sin_addr, sizeof(a.in.sin_addr));
		buf_get_bytes(b, &a.in.sin_port, sizeof(a.in.sin_port));
	} else if (b->len == V6_BYTES) {
		a.in6.sin6_family = AF_INET6;
		buf_get_bytes(b, &a.in6.sin6_addr, sizeof(a.in6.sin6_addr));
		buf_get_bytes(b, &a.in6.sin6_port, sizeof(a.in6.sin6_port));
		a.in6.sin6_scope_id = buf_get_u32(b);
	} else {
		return -EBADMSG;
	}
	*ret_addr = a;
	return 0;
}

int
tlv_get(struct buf *bytes, uint8_t tag, const struct tlv_field *fields,
    size_t n, void *ret_struct)
{
	for (const struct tlv_field *f = fields; f < fields + n; f++) {
		void *at = (char *)ret_struct + f->at;

		if (f->tag != tag)
			continue;
		switch (f->kind) {
		case TLV_NUMBER:
			return get_number(bytes, at, f->room);
		case TLV_TEXT:
			return tlv_get_text(bytes, at, f->room);
		case TLV_ADDR:
			return get_addr(bytes, at);
		}
	}
	return 0;
}

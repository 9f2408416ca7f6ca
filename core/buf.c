#include "core/buf.h"

#include <string.h>

struct buf
buf_writer(void *room, size_t room_len)
{
	return (struct buf){ .data = room, .len = room_len };
}

struct buf
buf_reader(const void *bytes, size_t len)
{
	/* A reader never writes through it: the getters take care of that. */
	return (struct buf){ .data = (uint8_t *)(uintptr_t)bytes, .len = len };
}

/* The next n bytes, or NULL from the first failure on. */
static uint8_t *
claim(struct buf *b, size_t n)
{
	uint8_t *p;

	if (b->bad || b->len - b->pos < n) {
		b->bad = true;
		return NULL;
	}
	p = b->data + b->pos;
	b->pos += n;
	return p;
}

static void
put_number(struct buf *b, uint64_t v, unsigned width)
{
	uint8_t *p = claim(b, width);

	for (unsigned i = 0; p != NULL && i < width; i++)
		p[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static uint64_t
get_number(struct buf *b, unsigned width)
{
	const uint8_t *p = claim(b, width);
	uint64_t v = 0;

	for (unsigned i = 0; p != NULL && i < width; i++)
		v = v << 8 | p[i];
	return v;
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
	put_number(b, v, 1);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
	put_number(b, v, 2);
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
	put_number(b, v, 4);
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	put_number(b, v, 8);
}

void
buf_put_bytes(struct buf *b, const void *bytes, size_t len)
{
	uint8_t *p = claim(b, len);

	if (p != NULL && len > 0)
		memcpy(p, bytes, len);
}

void
buf_put_str(struct buf *b, const char *s)
{
	size_t len = strlen(s);

	if (len > UINT16_MAX) {
		b->bad = true;
		return;
	}
	buf_put_u16(b, (uint16_t)len);
	buf_put_bytes(b, s, len);
}

uint8_t
buf_get_u8(struct buf *b)
{
	return (uint8_t)get_number(b, 1);
}

uint16_t
buf_get_u16(struct buf *b)
{
	return (uint16_t)get_number(b, 2);
}

uint32_t
buf_get_u32(struct buf *b)
{
	return (uint32_t)get_number(b, 4);
}

uint64_t
buf_get_u64(struct buf *b)
{
	return get_number(b, 8);
}

void
buf_get_bytes(struct buf *b, void *ret_bytes, size_t len)
{
	const uint8_t *p = claim(b, len);

	if (p != NULL && len > 0)
		memcpy(ret_bytes, p, len);
	else if (len > 0)
		memset(ret_bytes, 0, len);
}

void
buf_get_str(struct buf *b, char *ret_text, size_t room)
{
	size_t len = buf_get_u16(b);
	const uint8_t *p;

	ret_text[0] = '\0';
	if (len >= room)
		b->bad = true;
	p = claim(b, len);
	if (p == NULL)
		return;
	if (len > 0 && memchr(p, '\0', len) != NULL) {
		b->bad = true;
		return;
	}
	memcpy(ret_text, p, len);
	ret_text[len] = '\0';
}

bool
buf_is_done(const struct buf *b)
{
	return !b->bad && b->pos == b->len;
}

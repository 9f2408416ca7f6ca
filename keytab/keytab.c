#include "keytab/keytab.h"

#include "keytab/enctype.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VERSION 0x0502
#define LENGTH_BYTES 4
/* Count, realm's length, name type, timestamp, kvno, enctype, key's length and
 * the wide kvno. */
#define FIXED_BYTES (2 + 2 + 4 + 4 + 1 + 2 + 2 + 4)

/* Of what is no keytab at all, the place says nothing: 0. */
static __attribute__((format(printf, 3, 4))) int
fail(struct keytab_fault *ret_fault, size_t offset, const char *format, ...)
{
	size_t n = 0;
	va_list args;

	ret_fault->offset = offset;
	if (offset > 0)
		n = (size_t)snprintf(
		    ret_fault->text, KEYTAB_FAULT_MAX, "byte %zu: ", offset);
	va_start(args, format);
	(void)vsnprintf(
	    ret_fault->text + n, KEYTAB_FAULT_MAX - n, format, args);
	va_end(args);
	return -EBADMSG;
}

int
keytab_begin(struct keytab_reader *r, const void *bytes, size_t len,
    struct keytab_fault *ret_fault)
{
	const uint8_t *b = bytes;

	if (len == 0)
		return fail(
		    ret_fault, 0, "the file is empty, which is no keytab");
	if (len >= KEYTAB_HEAD_BYTES && b[0] == 5 && b[1] == 1)
		return fail(ret_fault, 0,
		    "format 5.01, in the byte order of whatever machine wrote it; rewrite it there with ktutil (rkt, wkt)");
	if (len < KEYTAB_HEAD_BYTES || b[0] != 5 || b[1] != 2)
		return fail(ret_fault, 0,
		    "this is no keytab: it does not begin with 05 02");
	*r = (struct keytab_reader){
		.bytes = b,
		.len = len,
		.pos = KEYTAB_HEAD_BYTES,
	};
	return 0;
}

/* A 16-bit length and that many bytes. */
static struct keytab_span
get_span(struct buf *b)
{
	struct keytab_span s = { .len = buf_get_u16(b) };

	if (b->bad || s.len > b->len - b->pos) {
		b->bad = true;
		return (struct keytab_span){ .len = 0 };
	}
	s.at = b->data + b->pos;
	b->pos += s.len;
	return s;
}

static int
read_names(struct buf *b, size_t offset, struct keytab_entry *e,
    struct keytab_fault *ret_fault)
{
	size_t begun;

	e->n_components = buf_get_u16(b);
	if (!b->bad && e->n_components == 0)
		return fail(
		    ret_fault, offset, "a principal without components");
	begun = b->pos;
	e->realm = get_span(b);
	if (!b->bad && e->realm.len == 0)
		return fail(ret_fault, offset + begun,
		    "a principal with an empty realm");
	e->components.at = b->data + b->pos;
	for (unsigned i = 0; i < e->n_components && !b->bad; i++) {
		size_t at = b->pos;
		struct keytab_span s = get_span(b);

		if (!b->bad && s.len == 0)
			return fail(ret_fault, offset + at,
			    "a principal with an empty component");
	}
	if (b->bad)
		return 0; /* the caller tells */
	e->components.len = (size_t)(b->data + b->pos - e->components.at);
	if (b->pos - begun > KEYTAB_NAMES_MAX)
		return fail(
		    ret_fault, offset + begun, "a principal that is too long");
	return 0;
}

/* The wide kvno where there is room for one, and then nothing but zeros. */
static int
read_rest(struct buf *b, size_t offset, struct keytab_entry *e,
    struct keytab_fault *ret_fault)
{
	uint32_t wide;

	if (b->len - b->pos >= sizeof(wide)) {
		wide = buf_get_u32(b);
		if (wide != 0)
			e->kvno = wide;
	}
	for (; b->pos < b->len; b->pos++)
		if (b->data[b->pos] != 0)
			return fail(ret_fault, offset + b->pos,
			    "bytes that mean nothing, behind an entry");
	return 0;
}

/* `offset` is that of the entry itself, behind the record's length. */
static int
read_entry(struct buf *b, size_t offset, struct keytab_entry *ret_entry,
    struct keytab_fault *ret_fault)
{
	struct keytab_entry e = { .offset = offset - LENGTH_BYTES };
	size_t key_at, expected;

	if (read_names(b, offset, &e, ret_fault) < 0)
		return -EBADMSG;
	e.name_type = buf_get_u32(b);
	e.timestamp = buf_get_u32(b);
	e.kvno = buf_get_u8(b);
	e.enctype = buf_get_u16(b);
	key_at = b->pos;
	e.key = get_span(b);
	if (b->bad)
		return fail(ret_fault, e.offset,
		    "a field goes beyond the end of its record of %zu bytes",
		    b->len);
	if (e.key.len == 0)
		return fail(ret_fault, offset + key_at, "an empty key");
	expected = enctype_key_bytes(e.enctype);
	if (expected != 0 && e.key.len != expected)
		return fail(ret_fault, offset + key_at,
		    "a key of the wrong length: %zu bytes, where its enctype has %zu",
		    e.key.len, expected);
	if (read_rest(b, offset, &e, ret_fault) < 0)
		return -EBADMSG;
	*ret_entry = e;
	return 0;
}

/* What stands behind the mark of the end is not read by anybody. */
static int
read_end(struct keytab_reader *r, struct keytab_fault *ret_fault)
{
	for (; r->pos < r->len; r->pos++)
		if (r->bytes[r->pos] != 0)
			return fail(ret_fault, r->pos,
			    "bytes behind the mark of the end");
	return 0;
}

int
keytab_next(struct keytab_reader *r, struct keytab_entry *ret_entry,
    struct keytab_fault *ret_fault)
{
	while (r->pos < r->len) {
		size_t at = r->pos, left = r->len - r->pos;
		struct buf b = buf_reader(r->bytes + at, left);
		uint32_t word = buf_get_u32(&b);
		bool hole = word > INT32_MAX;
		size_t size = hole ? (size_t)0 - (int32_t)word : word;

		if (b.bad)
			return fail(ret_fault, at,
			    "truncated: %zu bytes should follow, and %zu do",
			    (size_t)LENGTH_BYTES, left);
		if (word == (uint32_t)INT32_MIN)
			return fail(
			    ret_fault, at, "a record of -2147483648 bytes");
		r->pos += LENGTH_BYTES;
		left -= LENGTH_BYTES;
		if (size == 0)
			return read_end(r, ret_fault);
		if (size > left)
			return fail(ret_fault, at,
			    "truncated: %zu bytes should follow, and %zu do",
			    size, left);
		r->pos += size;
		if (hole)
			continue;
		b = buf_reader(r->bytes + at + LENGTH_BYTES, size);
		if (read_entry(&b, at + LENGTH_BYTES, ret_entry, ret_fault) < 0)
			return -EBADMSG;
		return 1;
	}
	return 0;
}

struct keytab_span
keytab_component(const struct keytab_entry *e, unsigned index)
{
	struct keytab_span s = { .len = 0 };
	struct buf b = buf_reader(e->components.at, e->components.len);

	if (index >= e->n_components)
		return s;
	for (unsigned i = 0; i <= index; i++)
		s = get_span(&b);
	return s;
}

bool
keytab_span_is(struct keytab_span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

bool
keytab_is_same_span(struct keytab_span a, struct keytab_span b)
{
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool
keytab_is_same_principal(
    const struct keytab_entry *a, const struct keytab_entry *b)
{
	return a->n_components == b->n_components &&
	    keytab_is_same_span(a->components, b->components) &&
	    keytab_is_same_span(a->realm, b->realm);
}

/* Appends one name at `n`; there is room, since names are bounded. */
static size_t
put_name(char *buf, size_t n, struct keytab_span s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];

		if (c < 0x20 || c > 0x7e) {
			buf[n++] = '\\';
			buf[n++] = 'x';
			buf[n++] = digits[c >> 4];
			buf[n++] = digits[c & 15];
			continue;
		}
		if (c == '/' || c == '@' || c == '\\')
			buf[n++] = '\\';
		buf[n++] = (char)c;
	}
	return n;
}

const char *
keytab_principal_text(
    const struct keytab_entry *e, char buf[static KEYTAB_TEXT_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; i < e->n_components; i++) {
		if (i > 0)
			buf[n++] = '/';
		n = put_name(buf, n, keytab_component(e, i));
	}
	buf[n++] = '@';
	n = put_name(buf, n, e->realm);
	buf[n] = '\0';
	return buf;
}

size_t
keytab_entry_bytes(const struct keytab_entry *e)
{
	return LENGTH_BYTES + FIXED_BYTES + e->realm.len + e->components.len +
	    e->key.len;
}

void
keytab_put_head(struct buf *b)
{
	buf_put_u16(b, VERSION);
}

void
keytab_put_entry(struct buf *b, const struct keytab_entry *e)
{
	buf_put_u32(b, (uint32_t)(keytab_entry_bytes(e) - LENGTH_BYTES));
	buf_put_u16(b, (uint16_t)e->n_components);
	buf_put_u16(b, (uint16_t)e->realm.len);
	buf_put_bytes(b, e->realm.at, e->realm.len);
	buf_put_bytes(b, e->components.at, e->components.len);
	buf_put_u32(b, e->name_type);
	buf_put_u32(b, e->timestamp);
	buf_put_u8(b, (uint8_t)e->kvno);
	buf_put_u16(b, e->enctype);
	buf_put_u16(b, (uint16_t)e->key.len);
	buf_put_bytes(b, e->key.at, e->key.len);
	buf_put_u32(b, e->kvno);
}

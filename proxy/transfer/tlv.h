#pragma once

/*
 * How relays of different versions write values to each other: a 4-byte length,
 * one byte that says which version a reader has to know at least, and fields of
 * 1 tag, 4 length, and that many bytes; numbers in network byte order, in as
 * few bytes as hold them. A field that is zero or empty is left out, one that
 * is not known is skipped. So a field may be added as long as a reader who does
 * not know it does no harm; else the version that is needed rises.
 *
 * Most fields are in a table, those of a struct at their place.
 *
 * Pure.
 */

#include "core/buf.h"

enum tlv_kind {
	TLV_NUMBER, /* unsigned, as wide as it is in the struct */
	TLV_TEXT,   /* with its NUL there */
	TLV_ADDR,   /* union addr; of no family: left out */
};

struct tlv_field {
	uint8_t tag;
	enum tlv_kind kind;
	size_t at, room; /* in the struct */
};

#define TLV_FIELD(tag, kind, type, name)                                       \
	{                                                                      \
		tag, kind, offsetof(type, name), sizeof(((type *)0)->name)     \
	}

/* A value begins, and ends at what `start` was said to be. */
size_t tlv_begin(struct buf *b, uint8_t needs);
void tlv_end(struct buf *b, size_t start);

/* All fields of a table, of the struct at `from`. */
void tlv_put(
    struct buf *b, const struct tlv_field *fields, size_t n, const void *from);
void tlv_put_bytes(struct buf *b, uint8_t tag, const void *bytes, size_t len);
void tlv_put_number(struct buf *b, uint8_t tag, uint64_t v);

/* Puts a field where it belongs; its bytes are all that the buffer has. */
typedef int tlv_take_fn(struct buf *bytes, uint8_t tag, void *ret_struct);

/*
 * The next value, field by field; then `b` is behind it. Returns 0, -EBADMSG,
 * also where `take` does not return 0, or -EPROTONOSUPPORT where a version
 * after `known` has to be known for it.
 */
MUST_CHECK int tlv_read(
    struct buf *b, uint8_t known, tlv_take_fn *take, void *ret_struct);

/*
 * A field of the table into the struct; one that is in none is skipped. Returns
 * 0 or -EBADMSG.
 */
MUST_CHECK int tlv_get(struct buf *bytes, uint8_t tag,
    const struct tlv_field *fields, size_t n, void *ret_struct);
MUST_CHECK int tlv_get_text(struct buf *bytes, char *ret_text, size_t room);
MUST_CHECK int tlv_get_number(struct buf *bytes, uint64_t *ret_number);

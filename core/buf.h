#pragma once

/*
 * A cursor over the caller's bytes, for wire formats: fields are written or
 * read one by one, in network byte order, and the first failure (no room, too
 * short) is remembered, so that the user asks once, at the end.
 *
 * Pure. Owns nothing.
 */

#include "core/base.h"

struct buf {
	uint8_t *data; /* borrowed: the caller's */
	size_t len;    /* room when writing, bytes there when reading */
	size_t pos;    /* where the next field is */
	bool bad;      /* a field did not fit; everything after is void */
};

struct buf buf_writer(void *room, size_t room_len);
/* In memory of its own, until the block ends. */
#define BUF_WRITER(room_len) buf_writer((uint8_t[room_len]){ 0 }, (room_len))
struct buf buf_reader(const void *bytes, size_t len);

void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_bytes(struct buf *b, const void *bytes, size_t len);
/* A 16-bit length and the characters, without the NUL. */
void buf_put_str(struct buf *b, const char *s);

/* These give 0 (or zeros) once the buffer is bad. */
uint8_t buf_get_u8(struct buf *b);
uint16_t buf_get_u16(struct buf *b);
uint32_t buf_get_u32(struct buf *b);
uint64_t buf_get_u64(struct buf *b);
void buf_get_bytes(struct buf *b, void *ret_bytes, size_t len);
/* Bad where it does not fit into `room` with its NUL, or holds a NUL. */
void buf_get_str(struct buf *b, char *ret_text, size_t room);

/* Every byte was read and every field was there. */
bool buf_is_done(const struct buf *b);

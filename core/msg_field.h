#pragma once

/*
 * A message as a table of its fields, whose order in the table is the format:
 * for msg.c and msg_kernel.c. A number is as long there as in the struct.
 *
 * Pure.
 */

#include "core/base.h"

struct buf;

enum msg_field_kind {
	MSG_FIELD_U8 = sizeof(uint8_t),
	MSG_FIELD_U16 = sizeof(uint16_t),
	MSG_FIELD_U32 = sizeof(uint32_t),
	MSG_FIELD_U64 = sizeof(uint64_t),
	MSG_FIELD_BOOL,
	MSG_FIELD_STATE, /* enum msg_group_state */
	MSG_FIELD_BYTES,
	MSG_FIELD_TEXT,
	/* A text at the end; an earlier version does not say it. */
	MSG_FIELD_LATER,
};

struct msg_field {
	enum msg_field_kind kind;
	size_t at, room; /* in the struct */
};

#define MSG_FIELD_OF(kind, type, name)                                         \
	{                                                                      \
		kind, offsetof(type, name), sizeof(((type *)0)->name)          \
	}

#define MSG_FIELD_NUMBER(type, name)                                           \
	MSG_FIELD_OF(sizeof(((type *)0)->name), type, name)

void msg_field_put(
    struct buf *b, const struct msg_field *f, size_t n, const void *m);

/* Every field; asked once, at the end, the reader knows its first failure. */
void msg_field_get(
    struct buf *b, const struct msg_field *f, size_t n, void *ret_m);

/* What a byte may be at the most, or it makes the message bad. */
uint8_t msg_field_get_most(struct buf *b, uint8_t most);

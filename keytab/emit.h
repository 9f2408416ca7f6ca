#pragma once

/*
 * A keytab as a file, format 5.02: entries one after the other, each with both
 * forms of its kvno, and no holes. What was read from such a file comes out
 * byte for byte.
 *
 * Pure.
 */

#include "core/base.h"
#include "core/buf.h"
#include "keytab/keytab.h"

/* What stands before the first entry. */
#define EMIT_HEAD_BYTES 2

size_t emit_entry_bytes(const struct keytab_entry *e);

void emit_put_head(struct buf *b);
void emit_put_entry(struct buf *b, const struct keytab_entry *e);

#include "keytab/emit.h"

#define VERSION 0x0502
/* Count, realm's length, name type, timestamp, kvno, enctype, key's length and
 * the wide kvno. */
#define FIXED_BYTES (2 + 2 + 4 + 4 + 1 + 2 + 2 + 4)
#define LENGTH_BYTES 4

size_t
emit_entry_bytes(const struct keytab_entry *e)
{
	return LENGTH_BYTES + FIXED_BYTES + e->realm.len + e->components.len +
	    e->key.len;
}

void
emit_put_head(struct buf *b)
{
	buf_put_u16(b, VERSION);
}

void
emit_put_entry(struct buf *b, const struct keytab_entry *e)
{
	buf_put_u32(b, (uint32_t)(emit_entry_bytes(e) - LENGTH_BYTES));
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

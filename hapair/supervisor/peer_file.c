#include "hapair/supervisor/peer_file.h"

#include "core/buf.h"

#include <errno.h>

#define HEAD_BYTES 35
#define WRONG 1

void
peer_file_put(struct buf *b, const struct peer_file *m)
{
	buf_put_u8(b, HEAD_BYTES);
	buf_put_u8(b, m->kind);
	buf_put_u8(b, m->wrong ? WRONG : 0);
	buf_put_u64(b, m->id);
	buf_put_bytes(b, m->hash, sizeof(m->hash));
	buf_put_u32(b, m->total);
	buf_put_u32(b, m->at);
	if (m->len > PEER_FILE_PART_MAX)
		b->bad = true;
	else if (m->len > 0)
		buf_put_bytes(b, m->bytes, m->len);
}

int
peer_file_get(struct buf *b, struct peer_file *ret_file)
{
	const size_t start = b->pos, head = buf_get_u8(b);
	struct peer_file m = { 0 };

	m.kind = buf_get_u8(b);
	m.wrong = (buf_get_u8(b) & WRONG) != 0;
	m.id = buf_get_u64(b);
	buf_get_bytes(b, m.hash, sizeof(m.hash));
	m.total = buf_get_u32(b);
	m.at = buf_get_u32(b);
	if (b->bad || head < HEAD_BYTES || head > b->len - start)
		return -EBADMSG;
	b->pos = start + head;
	m.len = b->len - b->pos;
	m.bytes = b->data + b->pos;
	if (m.len > PEER_FILE_PART_MAX || m.at > m.total)
		return -EBADMSG;
	b->pos = b->len;
	*ret_file = m;
	return 0;
}

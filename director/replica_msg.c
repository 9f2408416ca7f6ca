#include "director/replica_msg.h"

#include "core/buf.h"

#include <assert.h>
#include <errno.h>

static void
put_tuple(struct buf *b, const struct conn_tuple *t)
{
	buf_put_bytes(b, t->src, sizeof(t->src));
	buf_put_bytes(b, t->dst, sizeof(t->dst));
	buf_put_u16(b, t->sport);
	buf_put_u16(b, t->dport);
}

static void
get_tuple(struct buf *b, struct conn_tuple *t)
{
	buf_get_bytes(b, t->src, sizeof(t->src));
	buf_get_bytes(b, t->dst, sizeof(t->dst));
	t->sport = buf_get_u16(b);
	t->dport = buf_get_u16(b);
}

static void
put_body(struct buf *b, const struct replica_msg *m)
{
	switch (m->type) {
	case REPLICA_MSG_HELLO:
		buf_put_u16(b, m->version);
		buf_put_u8(b, m->node);
		buf_put_u32(b, m->slots);
		break;
	case REPLICA_MSG_WANT:
		buf_put_u8(b, m->group);
		break;
	case REPLICA_MSG_BEGIN:
	case REPLICA_MSG_REFUSE:
		buf_put_u8(b, m->group);
		buf_put_u64(b, m->term);
		buf_put_u64(b, m->seq);
		break;
	case REPLICA_MSG_ADD:
		buf_put_u8(b, m->group);
		buf_put_u64(b, m->seq);
		buf_put_u32(b, m->slot);
		buf_put_u32(b, m->isn);
		put_tuple(b, &m->client);
		put_tuple(b, &m->server);
		break;
	case REPLICA_MSG_DEL:
		buf_put_u8(b, m->group);
		buf_put_u32(b, m->slot);
		break;
	case REPLICA_MSG_FINISH:
		buf_put_u8(b, m->group);
		buf_put_u64(b, m->seq);
		break;
	case REPLICA_MSG_ACK:
		buf_put_u64(b, m->seq);
		break;
	case REPLICA_MSG_UNKNOWN:
		break;
	}
}

void
replica_msg_encode(struct buf *b, const struct replica_msg *m)
{
	uint8_t body[REPLICA_MSG_BYTES_MAX];
	struct buf w = buf_writer(body, sizeof(body));

	assert(m->type != REPLICA_MSG_UNKNOWN);
	put_body(&w, m);
	assert(!w.bad);
	buf_put_u8(b, (uint8_t)m->type);
	buf_put_u16(b, (uint16_t)w.pos);
	buf_put_bytes(b, body, w.pos);
}

/* Ports and families that no connection has. */
static bool
is_connection(const struct replica_msg *m)
{
	const bool v4 = conn_tuple_is_v4(m->client.src);

	return m->client.sport != 0 && m->client.dport != 0 &&
	    m->server.sport != 0 && m->server.dport != 0 &&
	    conn_tuple_is_v4(m->client.dst) == v4 &&
	    conn_tuple_is_v4(m->server.src) == v4 &&
	    conn_tuple_is_v4(m->server.dst) == v4;
}

/* Whether what was read can be. */
static bool
get_body(struct buf *b, struct replica_msg *m)
{
	switch (m->type) {
	case REPLICA_MSG_HELLO:
		m->version = buf_get_u16(b);
		m->node = buf_get_u8(b);
		m->slots = buf_get_u32(b);
		return m->version > 0 && m->node <= 1;
	case REPLICA_MSG_WANT:
		m->group = buf_get_u8(b);
		return true;
	case REPLICA_MSG_BEGIN:
	case REPLICA_MSG_REFUSE:
		m->group = buf_get_u8(b);
		m->term = buf_get_u64(b);
		m->seq = buf_get_u64(b);
		return true;
	case REPLICA_MSG_ADD:
		m->group = buf_get_u8(b);
		m->seq = buf_get_u64(b);
		m->slot = buf_get_u32(b);
		m->isn = buf_get_u32(b);
		get_tuple(b, &m->client);
		get_tuple(b, &m->server);
		return m->seq > 0 && is_connection(m);
	case REPLICA_MSG_DEL:
		m->group = buf_get_u8(b);
		m->slot = buf_get_u32(b);
		return true;
	case REPLICA_MSG_FINISH:
		m->group = buf_get_u8(b);
		m->seq = buf_get_u64(b);
		return m->seq > 0;
	case REPLICA_MSG_ACK:
		m->seq = buf_get_u64(b);
		return true;
	case REPLICA_MSG_UNKNOWN:
		return true;
	}
	return false;
}

static enum replica_msg_type
known(uint8_t type)
{
	return type <= REPLICA_MSG_REFUSE ? (enum replica_msg_type)type
	                                  : REPLICA_MSG_UNKNOWN;
}

int
replica_msg_decode(struct buf *b, struct replica_msg *ret_msg)
{
	struct buf head = *b, body;
	struct replica_msg m = { .type = known(buf_get_u8(&head)) };
	const uint16_t length = buf_get_u16(&head);

	if (head.bad)
		return 0;
	if (length > REPLICA_MSG_BODY_MAX)
		return -EBADMSG;
	if (head.len - head.pos < length)
		return 0;
	body = buf_reader(head.data + head.pos, length);
	if (!get_body(&body, &m) || body.bad)
		return -EBADMSG;
	b->pos = head.pos + length;
	*ret_msg = m;
	return 1;
}

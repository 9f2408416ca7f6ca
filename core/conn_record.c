#include "core/conn_record.h"

#include "core/addr.h"
#include "core/buf.h"

#include <errno.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static size_t
ip_bytes(uint16_t family)
{
	return family == AF_INET ? 4 : 16;
}

struct conn_record_end
conn_record_end_of(const union addr *a)
{
	const bool v6 = a->sa.sa_family == AF_INET6;
	struct conn_record_end e = { .family = v6 ? AF_INET6 : AF_INET };
	uint8_t port[2];

	memcpy(port, v6 ? &a->in6.sin6_port : &a->in.sin_port, sizeof(port));
	e.port = (uint16_t)(port[0] << 8 | port[1]);
	if (!v6) {
		memcpy(e.ip, &a->in.sin_addr, 4);
	} else if (memcmp(&a->in6.sin6_addr, mapped, sizeof(mapped)) == 0) {
		e.family = AF_INET;
		memcpy(e.ip, &a->in6.sin6_addr.s6_addr[12], 4);
	} else {
		memcpy(e.ip, &a->in6.sin6_addr, 16);
	}
	return e;
}

union addr
conn_record_end_addr(const struct conn_record_end *e)
{
	const uint8_t port[2] = { (uint8_t)(e->port >> 8), (uint8_t)e->port };
	union addr a;

	memset(&a, 0, sizeof(a));
	a.sa.sa_family = e->family;
	if (e->family == AF_INET6) {
		memcpy(&a.in6.sin6_addr, e->ip, 16);
		memcpy(&a.in6.sin6_port, port, sizeof(port));
	} else {
		memcpy(&a.in.sin_addr, e->ip, 4);
		memcpy(&a.in.sin_port, port, sizeof(port));
	}
	return a;
}

bool
conn_record_is_same(const struct conn_record *a, const struct conn_record *b)
{
	return a->id == b->id &&
	    memcmp(&a->source, &b->source, sizeof(a->source)) == 0 &&
	    memcmp(&a->server, &b->server, sizeof(a->server)) == 0;
}

static void
put_end(struct buf *b, const struct conn_record_end *e)
{
	buf_put_u8(b, e->family == AF_INET ? 4 : 6);
	buf_put_bytes(b, e->ip, ip_bytes(e->family));
	buf_put_u16(b, e->port);
}

static struct conn_record_end
get_end(struct buf *b)
{
	struct conn_record_end e = { 0 };
	const uint8_t family = buf_get_u8(b);

	if (family != 4 && family != 6)
		b->bad = true;
	e.family = family == 4 ? AF_INET : AF_INET6;
	buf_get_bytes(b, e.ip, ip_bytes(e.family));
	e.port = buf_get_u16(b);
	if (e.port == 0)
		b->bad = true;
	return e;
}

static bool
has_server(const struct conn_record *c)
{
	return c->change == CONN_RECORD_OPENED && c->source.family != 0;
}

void
conn_record_encode(struct buf *b, const struct conn_record *c)
{
	struct buf body = BUF_WRITER(CONN_RECORD_BYTES_MAX);

	buf_put_u8(&body, (uint8_t)c->change);
	buf_put_u8(&body, has_server(c) ? 4 : 2);
	buf_put_u64(&body, c->id);
	put_end(&body, &c->client);
	put_end(&body, &c->local);
	if (has_server(c)) {
		put_end(&body, &c->source);
		put_end(&body, &c->server);
	}
	buf_put_u8(b, (uint8_t)body.pos);
	buf_put_bytes(b, body.data, body.pos);
}

/* What a later version has put behind it is left. */
static int
decode_body(struct buf *b, struct conn_record *ret_conn)
{
	struct conn_record c = { 0 };
	const uint8_t change = buf_get_u8(b);
	const uint8_t ends = buf_get_u8(b);

	if (change > CONN_RECORD_LEFT) {
		*ret_conn = c;
		return b->bad ? -EBADMSG : 0;
	}
	c.change = (enum conn_record_change)change;
	c.id = buf_get_u64(b);
	c.client = get_end(b);
	c.local = get_end(b);
	if (change < CONN_RECORD_OPENED || (ends != 2 && ends != 4) ||
	    c.client.family != c.local.family)
		b->bad = true;
	if (ends == 4) {
		c.source = get_end(b);
		c.server = get_end(b);
		if (c.change != CONN_RECORD_OPENED ||
		    c.source.family != c.server.family)
			b->bad = true;
	}
	if (b->bad)
		return -EBADMSG;
	*ret_conn = c;
	return 0;
}

int
conn_record_decode(struct buf *b, struct conn_record *ret_conn)
{
	uint8_t bytes[UINT8_MAX];
	const uint8_t len = buf_get_u8(b);
	struct buf body = buf_reader(bytes, len);

	buf_get_bytes(b, bytes, len);
	return b->bad ? -EBADMSG : decode_body(&body, ret_conn);
}

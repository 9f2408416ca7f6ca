#include "proxy/data/proxy_protocol.h"

#include "core/buf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * Text of addresses is made here, not by core/addr.c, whose inet_ntop() is
 * nothing that a pure file may need.
 */

#define GROUPS 8 /* of 16 bits, in an IPv6 address */

/* The bytes of the port, in network order as they are in the address. */
static void
put_port(struct buf *b, const union addr *a)
{
	bool v6 = a->sa.sa_family == AF_INET6;

	buf_put_bytes(b, v6 ? &a->in6.sin6_port : &a->in.sin_port, 2);
}

static void
put_bytes(struct buf *b, const union addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		buf_put_bytes(b, &a->in6.sin6_addr, 16);
	else
		buf_put_bytes(b, &a->in.sin_addr, 4);
}

static void
put_text(struct buf *b, const char *text)
{
	buf_put_bytes(b, text, strlen(text));
}

static void
put_decimal(struct buf *b, unsigned number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number);
	put_text(b, text);
}

static void
put_hex(struct buf *b, unsigned number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%x", number);
	put_text(b, text);
}

/* The longest run of two or more zero groups, the first of equals: its end. */
static unsigned
zeros_end(const unsigned groups[static GROUPS], unsigned *ret_start)
{
	unsigned start = 0, end = 0, run = 0;

	for (unsigned i = 0; i < GROUPS; i++) {
		run = groups[i] == 0 ? run + 1 : 0;
		if (run >= 2 && run > end - start) {
			start = i + 1 - run;
			end = i + 1;
		}
	}
	*ret_start = start;
	return end;
}

/* RFC 5952, section 4: one address has one text. */
static void
put_ipv6(struct buf *b, const uint8_t bytes[static 16])
{
	unsigned groups[GROUPS], start, end;

	for (unsigned i = 0; i < GROUPS; i++)
		groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
	end = zeros_end(groups, &start);
	for (unsigned i = 0; i < GROUPS; i++) {
		if (i == start && end > start) {
			put_text(b, "::");
			i = end - 1;
			continue;
		}
		if (i > 0 && i != end)
			put_text(b, ":");
		put_hex(b, groups[i]);
	}
}

static void
put_ipv4(struct buf *b, const uint8_t bytes[static 4])
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			put_text(b, ".");
		put_decimal(b, bytes[i]);
	}
}

static void
put_ip_text(struct buf *b, const union addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		put_ipv6(b, a->in6.sin6_addr.s6_addr);
	else
		put_ipv4(b, (const uint8_t *)&a->in.sin_addr);
	put_text(b, " ");
}

static void
put_port_text(struct buf *b, const union addr *a)
{
	uint8_t port[2];
	struct buf w = buf_writer(port, sizeof(port));

	put_port(&w, a);
	put_decimal(b, (unsigned)port[0] << 8 | port[1]);
}

/* Section 2.1: one line of text. */
static void
put_v1(struct buf *b, const union addr *client, const union addr *local)
{
	bool v6 = client->sa.sa_family == AF_INET6;

	put_text(b, v6 ? "PROXY TCP6 " : "PROXY TCP4 ");
	put_ip_text(b, client);
	put_ip_text(b, local);
	put_port_text(b, client);
	put_text(b, " ");
	put_port_text(b, local);
	put_text(b, "\r\n");
}

/* Section 2.2: a signature that no other protocol begins with, then bytes. */
static const uint8_t signature[] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q',
	'U', 'I', 'T', '\n' };

static void
put_v2(struct buf *b, const union addr *client, const union addr *local)
{
	bool v6 = client->sa.sa_family == AF_INET6;

	buf_put_bytes(b, signature, sizeof(signature));
	buf_put_u8(b, 0x21);             /* version 2, command PROXY */
	buf_put_u8(b, v6 ? 0x21 : 0x11); /* TCP over IPv6 or IPv4 */
	buf_put_u16(b, v6 ? 36 : 12);    /* of what follows */
	put_bytes(b, client);
	put_bytes(b, local);
	put_port(b, client);
	put_port(b, local);
}

size_t
proxy_protocol_encode(enum config_proxy_protocol version,
    const union addr *client, const union addr *local,
    uint8_t ret_header[static PROXY_PROTOCOL_MAX])
{
	struct buf b = buf_writer(ret_header, PROXY_PROTOCOL_MAX);

	/* The two names of one socket; a v4-mapped one became IPv4. */
	assert(client->sa.sa_family == local->sa.sa_family);
	switch (version) {
	case CONFIG_PROXY_PROTOCOL_NONE:
		break;
	case CONFIG_PROXY_PROTOCOL_V1:
		put_v1(&b, client, local);
		break;
	case CONFIG_PROXY_PROTOCOL_V2:
		put_v2(&b, client, local);
		break;
	}
	assert(!b.bad);
	return b.pos;
}

size_t
proxy_protocol_encode_own(enum config_proxy_protocol version,
    const union addr *local, const union addr *peer,
    uint8_t ret_header[static PROXY_PROTOCOL_MAX])
{
	struct buf b = buf_writer(ret_header, PROXY_PROTOCOL_MAX);

	if (version != CONFIG_PROXY_PROTOCOL_V2)
		return proxy_protocol_encode(version, local, peer, ret_header);
	buf_put_bytes(&b, signature, sizeof(signature));
	buf_put_u8(&b, 0x20); /* version 2, command LOCAL */
	buf_put_u8(&b, 0);    /* of no family */
	buf_put_u16(&b, 0);   /* nothing follows */
	return b.pos;
}

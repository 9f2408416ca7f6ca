#include "core/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

socklen_t
addr_len(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

int
addr_parse_ip(const char *text, union addr *ret_addr)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		addr_normalize(&a);
	} else {
		return -EINVAL;
	}
	*ret_addr = a;
	return 0;
}

static int
parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port;
	char *end;

	if (*text < '1' || *text > '9')
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int
addr_parse(const char *text, union addr *ret_addr)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN];
	bool bracketed = text[0] == '[';
	size_t len;
	uint16_t port;
	union addr a;

	if (colon == NULL || parse_port(colon + 1, &port) < 0)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (bracketed) {
		if (len < 2 || text[len - 1] != ']')
			return -EINVAL;
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	/* fd00::1:80 could be read in two ways: v6 wants its brackets. */
	if (bracketed != (strchr(host, ':') != NULL))
		return -EINVAL;
	if (addr_parse_ip(host, &a) < 0)
		return -EINVAL;
	addr_set_port(&a, port);
	*ret_addr = a;
	return 0;
}

/* Decimal, up to 65535; returns its end. */
static char *
put_number(char *p, unsigned n)
{
	char digits[5];
	unsigned i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*p++ = digits[--i];
	return p;
}

/*
 * The address without a NUL; returns its end. Two of these are in the line of
 * each connection: inet_ntop() takes as long as the rest of it.
 */
static char *
put_ip(char *p, const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	if (a->sa.sa_family == AF_INET) {
		for (size_t i = 0; i < len; i++) {
			p = put_number(p, bytes[i]);
			*p++ = '.';
		}
		return p - 1;
	}
	if (inet_ntop(a->sa.sa_family, bytes, p, INET6_ADDRSTRLEN) != NULL)
		return p + strlen(p);
	*p++ = '-';
	return p;
}

const char *
addr_format_ip(const union addr *a, char buf[static ADDR_TEXT_MAX])
{
	*put_ip(buf, a) = '\0';
	return buf;
}

const char *
addr_format(const union addr *a, char buf[static ADDR_TEXT_MAX])
{
	const bool v6 = a->sa.sa_family == AF_INET6;
	char *p = buf;

	if (v6)
		*p++ = '[';
	p = put_ip(p, a);
	if (v6)
		*p++ = ']';
	*p++ = ':';
	p = put_number(p, addr_port(a));
	*p = '\0';
	return buf;
}

uint16_t
addr_port(const union addr *a)
{
	if (a->sa.sa_family == AF_INET6)
		return ntohs(a->in6.sin6_port);
	return ntohs(a->in.sin_port);
}

void
addr_set_port(union addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->in6.sin6_port = htons(port);
	else
		a->in.sin_port = htons(port);
}

const uint8_t *
addr_bytes(const union addr *a, size_t *ret_len)
{
	if (a->sa.sa_family == AF_INET6) {
		*ret_len = sizeof(a->in6.sin6_addr);
		return a->in6.sin6_addr.s6_addr;
	}
	*ret_len = sizeof(a->in.sin_addr);
	return (const uint8_t *)&a->in.sin_addr;
}

int
addr_compare_ip(const union addr *a, const union addr *b)
{
	size_t a_len, b_len;
	const uint8_t *a_bytes = addr_bytes(a, &a_len);
	const uint8_t *b_bytes = addr_bytes(b, &b_len);

	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return memcmp(a_bytes, b_bytes, a_len);
}

bool
addr_is_same_ip(const union addr *a, const union addr *b)
{
	return a->sa.sa_family == b->sa.sa_family && addr_compare_ip(a, b) == 0;
}

bool
addr_is_same(const union addr *a, const union addr *b)
{
	return addr_is_same_ip(a, b) && addr_port(a) == addr_port(b);
}

bool
addr_is_any(const union addr *a)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(a, &len);

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

void
addr_normalize(union addr *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (a->sa.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	in.sin_port = a->in6.sin6_port;
	memcpy(&in.sin_addr, &a->in6.sin6_addr.s6_addr[12], 4);
	memset(a, 0, sizeof(*a));
	a->in = in;
}

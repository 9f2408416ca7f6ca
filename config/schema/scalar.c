#include "config/schema/scalar.h"

#include "config/yaml/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Far above any limit in the tables, far below where arithmetic wraps. */
#define NUMBER_MAX UINT64_C(1000000000000)

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */
#define HOST_LEN 253 /* as text; RFC 1035 has 255 bytes on the wire */

static const struct unit {
	const char *name;
	uint64_t ms;
} units[] = {
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits from the front; NULL where there are none. */
static const char *
take_number(const char *text, uint64_t *ret_number)
{
	uint64_t n = 0;

	if (!is_digit(*text) || (text[0] == '0' && is_digit(text[1])))
		return NULL;
	for (; is_digit(*text); text++)
		if (n <= NUMBER_MAX)
			n = n * 10 + (uint64_t)(*text - '0');
	*ret_number = n;
	return text;
}

int
scalar_number(const char *text, uint64_t *ret_number)
{
	uint64_t n;
	const char *rest = take_number(text, &n);

	if (rest == NULL || *rest != '\0')
		return -EINVAL;
	if (n > NUMBER_MAX)
		return -ERANGE;
	*ret_number = n;
	return 0;
}

int
scalar_duration(const char *text, uint64_t *ret_ms)
{
	uint64_t n;
	const char *rest = take_number(text, &n);

	if (rest == NULL)
		return -EINVAL;
	if (*rest == '\0')
		return -ENODATA;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (n > NUMBER_MAX)
			return -ERANGE;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

const char *
scalar_duration_text(uint64_t ms, char buf[static SCALAR_DURATION_TEXT])
{
	const struct unit *u = units;

	if (ms == 0)
		return "0s";
	while (ms % u->ms != 0)
		u++; /* ends at 1 ms */
	(void)snprintf(buf, SCALAR_DURATION_TEXT, "%llu%s",
	    (unsigned long long)(ms / u->ms), u->name);
	return buf;
}

static int
whole_prefix(const union addr *a)
{
	return a->sa.sa_family == AF_INET6 ? 128 : 32;
}

/* `network`: the prefix may be 0, and without one it is a host's own. */
static int
read_cidr(const char *text, bool network, struct config_cidr *ret_cidr)
{
	size_t len = strcspn(text, "/");
	struct config_cidr c;
	char ip[ADDR_TEXT_MAX];
	uint64_t prefix;

	if (len >= sizeof(ip) || (text[len] == '\0' && !network))
		return -EINVAL;
	memset(&c, 0, sizeof(c));
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (addr_parse_ip(ip, &c.addr) < 0)
		return -EINVAL;
	c.prefix = (uint8_t)whole_prefix(&c.addr);
	if (text[len] == '/') {
		if (scalar_number(text + len + 1, &prefix) < 0)
			return -EINVAL;
		/* ::ffff:10.0.0.0/104, which is 10.0.0.0/8. */
		if (network && c.prefix == 32 && strchr(ip, ':') != NULL)
			prefix -= 96; /* less than that: now too much */
		if (prefix > c.prefix || (prefix == 0 && !network))
			return -EINVAL;
		c.prefix = (uint8_t)prefix;
	}
	*ret_cidr = c;
	return 0;
}

int
scalar_cidr(const char *text, struct config_cidr *ret_cidr)
{
	return read_cidr(text, false, ret_cidr);
}

int
scalar_network(const char *text, struct config_cidr *ret_cidr)
{
	return read_cidr(text, true, ret_cidr);
}

struct config_cidr
scalar_network_of(const struct config_cidr *c)
{
	struct config_cidr network = *c;
	bool v6 = c->addr.sa.sa_family == AF_INET6;
	uint8_t *bytes = v6 ? network.addr.in6.sin6_addr.s6_addr
	                    : (uint8_t *)&network.addr.in.sin_addr;
	unsigned bits = (unsigned)whole_prefix(&c->addr);

	for (unsigned i = c->prefix; i < bits; i++)
		bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return network;
}

const char *
scalar_cidr_text(const struct config_cidr *c, char buf[static SCALAR_CIDR_TEXT])
{
	char ip[ADDR_TEXT_MAX];

	(void)snprintf(buf, SCALAR_CIDR_TEXT, "%s/%u",
	    addr_format_ip(&c->addr, ip), c->prefix);
	return buf;
}

int
scalar_listen(const char *text, union addr ret_addrs[static 2], size_t *ret_n)
{
	union addr a;

	if (text[0] != '*') {
		if (addr_parse(text, &a) < 0)
			return -EINVAL;
		ret_addrs[0] = a;
		*ret_n = 1;
		return 0;
	}
	/* The port as any other address has it. */
	if (text[1] == ':' && strlen(text) < ADDR_TEXT_MAX - 8) {
		char v4[ADDR_TEXT_MAX];

		(void)snprintf(v4, sizeof(v4), "0.0.0.0%s", text + 1);
		if (addr_parse(v4, &a) < 0)
			return -EINVAL;
		ret_addrs[0] = a;
		memset(&ret_addrs[1], 0, sizeof(ret_addrs[1]));
		ret_addrs[1].sa.sa_family = AF_INET6;
		addr_set_port(&ret_addrs[1], addr_port(&a));
		*ret_n = 2;
		return 0;
	}
	return -EINVAL;
}

static bool
is_port(const char *text)
{
	uint64_t port;

	return scalar_number(text, &port) == 0 && port >= 1 &&
	    port <= UINT16_MAX;
}

const char *
scalar_address_fault(const char *text)
{
	const char *colon = strrchr(text, ':');
	union addr a;

	if (*text == '\0')
		return "is empty; expected ip:port, such as 10.0.0.31:5432";
	if (strstr(text, "://") != NULL)
		return "is a URL; expected ip:port alone, such as "
		       "10.0.0.31:5432";
	if (strspn(text, DIGITS) == strlen(text))
		return "has no address; expected ip:port, such as "
		       "10.0.0.31:5432";
	if (addr_parse_ip(text, &a) == 0)
		return strchr(text, ':') == NULL
		    ? "has no port; expected ip:port, such as 10.0.0.31:5432"
		    : "has no port, or no brackets around its address; "
		      "expected [ip]:port, such as [fd00::1]:5432";
	if (text[strlen(text) - 1] == ']')
		return "has no port; expected [ip]:port, such as "
		       "[fd00::1]:5432";
	if (colon == NULL)
		return "has no port; expected ip:port, such as 10.0.0.31:5432";
	if (!is_port(colon + 1))
		return "has no valid port; expected a port from 1 to 65535";
	if (colon == text)
		return "has no address; expected ip:port, such as "
		       "10.0.0.31:5432";
	if (text[0] == '*' && colon == text + 1)
		return "stands for every address; expected one, such as "
		       "10.0.0.31:5432";
	if (text[0] == '[' || strchr(text, ':') != colon)
		return "is not an IPv6 address with its port; expected "
		       "[ip]:port, such as [fd00::1]:5432";
	if (strspn(text, DIGITS "./") >= (size_t)(colon - text))
		return "is not an IPv4 address with its port; expected "
		       "ip:port, such as 10.0.0.31:5432";
	return "has a name for its address; expected ip:port, such as "
	       "10.0.0.31:5432";
}

/*
 * Of one label. Its length, or 0 where there is none: it is empty, too long,
 * begins or ends with a dash, or has characters that no host name has.
 */
static size_t
label_len(const char *label)
{
	size_t len = strspn(label, LETTERS DIGITS "-_");

	if (len > LABEL_MAX || label[0] == '-' ||
	    (len > 0 && label[len - 1] == '-'))
		return 0;
	return len;
}

/* What a resolver takes for the end of an address: 256, 0x7f. */
static bool
is_numeric(const char *label, size_t len)
{
	if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
		return strspn(label + 2, HEX_DIGITS) + 2 >= len;
	return strspn(label, DIGITS) >= len;
}

bool
scalar_is_host(const char *text)
{
	size_t total = strlen(text), len;

	if (total > 0 && text[total - 1] == '.')
		total--;
	if (total == 0 || total > HOST_LEN)
		return false;
	for (const char *end = text + total;; text += len + 1) {
		len = label_len(text);
		if (len == 0 || text + len > end)
			return false;
		if (text + len == end)
			return !is_numeric(text, len);
		if (text[len] != '.')
			return false;
	}
}

int
scalar_server(const char *text, union addr *ret_addr,
    char ret_host[static CONFIG_HOST_MAX])
{
	const char *colon = strrchr(text, ':');
	char host[CONFIG_HOST_MAX];
	uint64_t port;
	size_t len;

	if (addr_parse(text, ret_addr) == 0) {
		ret_host[0] = '\0';
		return 0;
	}
	if (colon == NULL || !is_port(colon + 1))
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!scalar_is_host(host) || scalar_number(colon + 1, &port) < 0)
		return -EINVAL;
	for (size_t i = 0; i <= len; i++)
		ret_host[i] = host[i] >= 'A' && host[i] <= 'Z'
		    ? (char)(host[i] - 'A' + 'a')
		    : host[i];
	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->sa.sa_family = AF_INET;
	addr_set_port(ret_addr, (uint16_t)port);
	return 0;
}

/* Why the text before the colon of a "host:port" is no host. */
static const char *
host_fault(const char *text, size_t len)
{
	const char *label = text + len;

	if (len > HOST_LEN)
		return "has a host name of more than 253 characters; expected "
		       "a shorter one";
	while (label > text && label[-1] != '.')
		label--;
	if (label < text + len &&
	    is_numeric(label, (size_t)(text + len - label)))
		return "ends like an address but is not one; expected host:port, "
		       "such as db1.example.org:5432";
	for (size_t n = 0, i = 0; i < len; i++) {
		n = text[i] == '.' ? 0 : n + 1;
		if (n > LABEL_MAX)
			return "has more than 63 characters between two dots "
			       "of its host name; expected a shorter one";
	}
	return "is not a host name with its port; expected letters, digits, "
	       "'-', '_' and single dots, such as db1.example.org:5432";
}

const char *
scalar_server_fault(const char *text)
{
	const char *colon = strrchr(text, ':');

	if (strstr(text, "://") != NULL)
		return "is a URL; expected host:port alone, such as "
		       "db1.example.org:5432";
	if (scalar_is_host(text))
		return "has no port; expected host:port, such as "
		       "db1.example.org:5432";
	/* What is meant for an address, or lacks its port. */
	if (colon == NULL || !is_port(colon + 1) ||
	    strchr(text, ':') != colon || text[0] == '[' ||
	    strspn(text, "*") >= (size_t)(colon - text) ||
	    strspn(text, DIGITS "./") >= (size_t)(colon - text))
		return scalar_address_fault(text);
	return host_fault(text, (size_t)(colon - text));
}

bool
scalar_is_name(const char *text, size_t max, const char *extra)
{
	size_t len = strlen(text);

	if (len == 0 || len > max || text[0] == '-' || text[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !is_digit(c) && strchr("-_.", c) == NULL &&
		    strchr(extra, c) == NULL)
			return false;
	}
	return true;
}

bool
scalar_is_path(const char *text)
{
	size_t len = strlen(text);

	return len > 1 && text[0] == '/' && text[len - 1] != '/' &&
	    utf8_is_clean(text);
}

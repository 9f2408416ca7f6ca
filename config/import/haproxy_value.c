#include "config/import/haproxy_value.h"

#include "config/import/import_plan.h"

#include <string.h>

#define DIGITS "0123456789"
#define NUMBER_MAX UINT64_C(1000000000000)

/* NULL: no digit is there. */
static const char *
take_number(const char *text, uint64_t *ret_number)
{
	uint64_t n = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++)
		if (n <= NUMBER_MAX)
			n = n * 10 + (uint64_t)(*p - '0');
	*ret_number = n;
	return p == text ? NULL : p;
}

bool
haproxy_value_number(const char *text, uint64_t *ret_number)
{
	uint64_t n;
	const char *rest = take_number(text, &n);

	if (rest == NULL || *rest != '\0' || n > NUMBER_MAX)
		return false;
	*ret_number = n;
	return true;
}

bool
haproxy_value_time(const char *text, uint64_t *ret_ms)
{
	static const struct unit {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "", 1 },
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60000 },
		{ "h", 3600000 },
		{ "d", 86400000 },
	};
	uint64_t n;
	const char *rest = take_number(text, &n);

	if (rest == NULL || n > NUMBER_MAX)
		return false;
	if (strcmp(rest, "us") == 0) {
		*ret_ms = (n + 999) / 1000;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(rest, units[i].name) == 0) {
			*ret_ms = n * units[i].ms;
			return true;
		}
	return false;
}

/* Takes "ipv4@" and the like off. */
static const char *
take_family(const char *text, struct haproxy_value_address *a)
{
	static const struct family {
		const char *mark;
		enum haproxy_value_kind kind;
	} families[] = {
		{ "ipv4@", HAPROXY_VALUE_TCP },
		{ "ipv6@", HAPROXY_VALUE_TCP },
		{ "tcp@", HAPROXY_VALUE_TCP },
		{ "tcp4@", HAPROXY_VALUE_TCP },
		{ "tcp6@", HAPROXY_VALUE_TCP },
		{ "stream+", HAPROXY_VALUE_TCP },
		{ "unix@", HAPROXY_VALUE_UNIX },
		{ "uxst@", HAPROXY_VALUE_UNIX },
		{ "abns@", HAPROXY_VALUE_UNIX },
		{ "abnsz@", HAPROXY_VALUE_UNIX },
		{ "/", HAPROXY_VALUE_UNIX },
		{ "fd@", HAPROXY_VALUE_OTHER },
		{ "sockpair@", HAPROXY_VALUE_OTHER },
		{ "quic4@", HAPROXY_VALUE_OTHER },
		{ "quic6@", HAPROXY_VALUE_OTHER },
		{ "udp@", HAPROXY_VALUE_OTHER },
		{ "udp4@", HAPROXY_VALUE_OTHER },
		{ "udp6@", HAPROXY_VALUE_OTHER },
		{ "dgram+", HAPROXY_VALUE_OTHER },
		{ "rhttp@", HAPROXY_VALUE_OTHER },
		{ "mptcp@", HAPROXY_VALUE_TCP },
	};

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const size_t len = strlen(families[i].mark);

		if (strncmp(text, families[i].mark, len) == 0) {
			a->kind = families[i].kind;
			return text + (len > 1 ? len : 0);
		}
	}
	return text;
}

/* "80", "80-90", "+100", "-100", or nothing. */
static bool
read_ports(const char *text, struct haproxy_value_address *a)
{
	const char *rest;

	if (*text == '\0')
		return true;
	if (*text == '+' || *text == '-') {
		a->is_offset = true;
		rest = take_number(text + 1, &a->port);
		return rest != NULL && *rest == '\0';
	}
	rest = take_number(text, &a->port);
	a->last_port = a->port;
	a->has_port = rest != NULL;
	if (rest != NULL && *rest == '-')
		rest = take_number(rest + 1, &a->last_port);
	return rest != NULL && *rest == '\0' && a->port > 0 &&
	    a->port <= a->last_port && a->last_port <= UINT16_MAX;
}

bool
haproxy_value_address(struct import_plan *plan, const char *text,
    struct haproxy_value_address *ret_address)
{
	struct haproxy_value_address a = { .kind = HAPROXY_VALUE_TCP };
	const char *host = take_family(text, &a), *ports;
	size_t len;
	union addr ip;

	a.host = host;
	*ret_address = a;
	if (a.kind != HAPROXY_VALUE_TCP)
		return true;
	if (*host == '[' && strchr(host, ']') != NULL) {
		host++;
		len = strcspn(host, "]");
		ports = host + len + 1;
		if (*ports == ':')
			ports++;
	} else {
		ports = strrchr(host, ':');
		len = ports != NULL ? (size_t)(ports - host) : strlen(host);
		ports = ports != NULL ? ports + 1 : "";
	}
	a.host =
	    import_plan_text(plan, "%.*s", (int)(len < 300 ? len : 300), host);
	if (strcmp(a.host, "*") == 0)
		a.host = "";
	if (!read_ports(ports, &a))
		return false;
	a.is_ip = addr_parse_ip(a.host, &ip) == 0;
	a.is_v6 = strchr(a.host, ':') != NULL;
	*ret_address = a;
	return true;
}

const char *
haproxy_value_with_port(
    struct import_plan *plan, const char *host, uint64_t port)
{
	const bool v6 = strchr(host, ':') != NULL;

	return import_plan_text(plan, "%s%s%s:%llu", v6 ? "[" : "", host,
	    v6 ? "]" : "", (unsigned long long)port);
}

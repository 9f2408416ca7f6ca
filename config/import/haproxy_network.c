#include "config/import/haproxy_network.h"

#include "config/import/import_plan.h"
#include "config/schema/scalar.h"

#include <string.h>

bool
haproxy_network_is_within(
    const struct config_cidr *in, const struct config_cidr *of)
{
	size_t len, other;
	const uint8_t *a = addr_bytes(&in->addr, &len);
	const uint8_t *b = addr_bytes(&of->addr, &other);
	const unsigned whole = of->prefix / 8, rest = of->prefix % 8;

	if (len != other || in->prefix < of->prefix || memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool
haproxy_network_read(
    struct import_plan *plan, const char *text, struct config_cidr *ret_network)
{
	const char *slash = strchr(text, '/');
	union addr mask;
	unsigned prefix = 0;
	uint32_t bits;

	if (slash != NULL && addr_parse_ip(slash + 1, &mask) == 0 &&
	    mask.sa.sa_family == AF_INET) {
		bits = ntohl(mask.in.sin_addr.s_addr);
		while (prefix < 32 && (bits & UINT32_C(0x80000000) >> prefix))
			prefix++;
		if (prefix < 32 && (bits << prefix) != 0)
			return false;
		text = import_plan_text(
		    plan, "%.*s/%u", (int)(slash - text), text, prefix);
	}
	if (scalar_network(text, ret_network) < 0)
		return false;
	*ret_network = scalar_network_of(ret_network);
	return true;
}

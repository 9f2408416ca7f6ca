#include "hapair/cli/own_network.h"

#include "config/schema/scalar.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

static uint8_t
prefix_of(const union addr *mask)
{
	size_t len;
	const uint8_t *bytes = addr_bytes(mask, &len);
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += (unsigned)__builtin_popcount(bytes[i]);
	return (uint8_t)n;
}

static bool
is_in(const union addr *a, const union addr *own, uint8_t prefix)
{
	const struct config_cidr one = { .addr = *a, .prefix = prefix };
	const struct config_cidr other = { .addr = *own, .prefix = prefix };
	const struct config_cidr net = scalar_network_of(&one);
	const struct config_cidr own_net = scalar_network_of(&other);

	return addr_is_same_ip(&net.addr, &own_net.addr);
}

int
own_network_find(const union addr *a, struct own_network *ret_network)
{
	struct own_network found = { .prefix = 0 };
	struct ifaddrs *all;

	if (getifaddrs(&all) == -1)
		return -errno;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		const union addr *own = (const void *)i->ifa_addr;
		const union addr *mask = (const void *)i->ifa_netmask;
		uint8_t prefix;

		if (own == NULL || mask == NULL ||
		    own->sa.sa_family != a->sa.sa_family ||
		    addr_is_same_ip(own, a))
			continue;
		prefix = prefix_of(mask);
		if (prefix <= found.prefix || !is_in(a, own, prefix))
			continue;
		found.prefix = prefix;
		memcpy(&found.address, own, addr_len(own));
		addr_set_port(&found.address, 0);
		(void)snprintf(found.interface, sizeof(found.interface), "%s",
		    i->ifa_name);
	}
	freeifaddrs(all);
	if (found.prefix == 0)
		return -ENOENT;
	*ret_network = found;
	return 0;
}

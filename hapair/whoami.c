#include "hapair/whoami.h"

#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

static int
find_by_name(const struct config_pair *pair, const char *name, int *ret_node)
{
	for (int i = 0; i < CONFIG_NODES; i++)
		if (strcmp(pair->nodes[i].name, name) == 0) {
			*ret_node = i;
			return 0;
		}
	return -ENOENT;
}

static bool
has_address(const struct ifaddrs *all, const union addr *wanted)
{
	for (; all != NULL; all = all->ifa_next) {
		const union addr *a =
		    (const union addr *)(const void *)all->ifa_addr;

		if (a == NULL ||
		    (a->sa.sa_family != AF_INET && a->sa.sa_family != AF_INET6))
			continue;
		if (addr_is_same_ip(a, wanted))
			return true;
	}
	return false;
}

static int
find_by_address(const struct config_pair *pair, int *ret_node)
{
	struct ifaddrs *all;
	int found = CONFIG_NO_NODE, n = 0;

	if (getifaddrs(&all) == -1)
		return -errno;
	for (int i = 0; i < CONFIG_NODES; i++)
		if (has_address(all, &pair->nodes[i].address)) {
			found = i;
			n++;
		}
	freeifaddrs(all);
	if (n != 1)
		return n == 0 ? -EADDRNOTAVAIL : -EEXIST;
	*ret_node = found;
	return 0;
}

int
whoami_find(const struct config *c, const char *name, int *ret_node)
{
	if (!c->has_pair) {
		*ret_node = CONFIG_NO_NODE;
		return name == NULL ? 0 : -ENOENT;
	}
	if (name != NULL)
		return find_by_name(&c->pair, name, ret_node);
	return find_by_address(&c->pair, ret_node);
}

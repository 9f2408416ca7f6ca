#pragma once

/*
 * On which of this host's networks an address is. Asks the kernel each time.
 */

#include "core/addr.h"

#include <net/if.h>

struct own_network {
	char interface[IF_NAMESIZE];
	union addr address; /* this host's there */
	uint8_t prefix;
};

/*
 * The network with the longest prefix that has `a`, by another address than `a`
 * itself: a virtual IP may be here at the moment. Returns 0, or -errno: -ENOENT
 * where there is none.
 */
MUST_CHECK int own_network_find(
    const union addr *a, struct own_network *ret_network);

#pragma once

/*
 * Who may connect: `allow` and `deny` networks of a service, the longest prefix
 * decides; where both lists have the very same network, deny does. A client
 * that no network covers is let in if there is no `allow` list.
 *
 * A binary trie for each family, built once and then read by all threads
 * without a lock: a lookup takes at most as many steps as an address has bits,
 * however many networks there are.
 */

#include "core/addr.h"

struct acl;
struct config_service;

/* NULL in *ret_access where the service has neither list. 0 or -ENOMEM. */
MUST_CHECK int acl_new(
    const struct config_service *service, struct acl **ret_access);
void acl_free(struct acl *a);

/* `a` NULL: everybody may. */
bool acl_is_allowed(const struct acl *a, const union addr *client);

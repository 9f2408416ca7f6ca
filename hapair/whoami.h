#pragma once

/*
 * Which node of the pair this host is: the one whose address it has, or whose
 * name it was told.
 */

#include "config/config.h"

/*
 * Returns 0, or -errno: -ENOENT where `name` is no node's, -EADDRNOTAVAIL where
 * this host has none of the addresses, -EEXIST where it has both. `name` may be
 * NULL. CONFIG_NO_NODE where there is no pair.
 */
MUST_CHECK int whoami_find(
    const struct config *c, const char *name, int *ret_node);

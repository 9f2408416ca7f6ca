#pragma once

/*
 * The one place where what the node decides is carried out: stands above all
 * who do it, and is known to failover.c alone.
 */

#include "core/base.h"
#include "failover/role.h"

/* The inbox is ready from here on. Returns 0 or -errno. */
MUST_CHECK int effects_new(struct role *role);
void effects_free(struct role *role);

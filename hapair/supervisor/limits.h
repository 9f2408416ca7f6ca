#pragma once

/*
 * The budget of descriptors: how many connections the relay may take, so that
 * it never accepts one that it cannot serve.
 */

#include "config/config.h"

/* Cores this process may use, when `threads` is auto. */
unsigned limits_workers(const struct config *c);

struct limits {
	uint32_t connections; /* of the node, that fit */
	unsigned pipes;       /* for splice, a worker */
	uint64_t needed;      /* descriptors, by what the configuration asks */
	uint64_t limit;       /* descriptors we have */
};

/*
 * Raises the soft limit as far as it goes, and computes what fits. Returns 0,
 * or -EMFILE where the configuration's max_connections does not; `needed` and
 * `limit` are set then, too.
 */
MUST_CHECK int limits_budget(
    const struct config *c, unsigned workers, struct limits *ret_limits);

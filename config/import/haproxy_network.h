#pragma once

/* Networks as access rules of haproxy name them. */

#include "config/config.h"

struct import_plan;

/* "10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.1"; false: it is none. */
bool haproxy_network_read(struct import_plan *plan, const char *text,
    struct config_cidr *ret_network);

/* All of it, or the same. */
bool haproxy_network_is_within(
    const struct config_cidr *in, const struct config_cidr *of);

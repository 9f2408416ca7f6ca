#pragma once

/*
 * The host's own address, by which the nodes know this one: while it is not
 * there the node is at fault in each group on whose network it should be. It
 * neither hears its peer nor reaches a server there, and what it claims would
 * be out of blindness. In the shell.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * Who takes its address away and gives it back (ifdown and ifup, DHCP) is given
 * so long: the virtual IPs stand without it, and the peer's questions about
 * them are answered.
 */
#define OWN_ADDRESS_PATIENCE_S 1.0

/* Looks for the first time, and is not patient. Returns 0 or -errno. */
MUST_CHECK int own_address_start(struct role *role);
void own_address_stop(struct role *role);

/* The kernel tells of something. */
void own_address_on_change(
    struct role *role, const struct netlink_change *change);

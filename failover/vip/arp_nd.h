#pragma once

/*
 * What the LAN says of our addresses, in the shell: asks neighbours who has a
 * group's virtual IPs, and hears what they show unasked. The answers go to the
 * node; nothing here decides.
 */

#include "core/base.h"
#include "failover/role.h"
#include "failover/vip/arp_nd_frame.h"

/*
 * Opens what hears: ARP of all interfaces, filtered in the kernel to the
 * addresses we know, and neighbour advertisements. Needs CAP_NET_RAW. Returns 0
 * or -errno.
 */
MUST_CHECK int arp_nd_open(struct role *role);
void arp_nd_close(struct role *role);

/* The socket that hears ARP: for the supervisor to keep (fd_keeper.h). */
int arp_nd_fd(const struct role *role);

/*
 * Asks once for the peer's own address, where it is on the group's network, and
 * for one virtual IP of each family and interface, where we are not master.
 * Answers come back as NODE_SHOWN.
 */
void arp_nd_ask(struct role_group *g);

/*
 * Asks one host on one of the group's interfaces whether it is there, and
 * nobody else; with a group's hardware address the whole network. An answer
 * comes back as NODE_SOMEBODY.
 */
void arp_nd_ask_host(struct role_group *g, unsigned interface,
    const union addr *a, const uint8_t mac[static ARP_ND_FRAME_MAC_BYTES]);

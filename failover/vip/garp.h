#pragma once

/*
 * Tells the LAN where a group's virtual IPs are now: gratuitous ARP and
 * unsolicited neighbour advertisements, through one packet socket that is
 * opened at start. When is garp_schedule.c's business.
 */

#include "core/base.h"

struct config_group;
struct netlink_link;

/* The socket for all groups; receives nothing. Descriptor or -errno. */
MUST_CHECK int garp_open(void);

/*
 * How many frames a round has: a request or advertisement for each address,
 * then a reply for each IPv4 one.
 */
unsigned garp_count(const struct config_group *group);

/* Where frame `i` of a round goes: among the group's interfaces. */
unsigned garp_interface(const struct config_group *group, unsigned i);

/* Sends it over that link. Returns 0 or -errno. */
MUST_CHECK int garp_send(int fd, const struct netlink_link *link,
    const struct config_group *group, unsigned i);

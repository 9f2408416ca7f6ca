#pragma once

/*
 * The virtual IPs of one group on its interface: adds, renews and deletes them,
 * and knows how the interface is. Decides nothing and logs nothing. One per
 * group, embedded in struct group.
 *
 * An address is a lease: unless it is renewed, the kernel removes it. So it
 * lives no longer than this process, however this process ends.
 */

#include "core/base.h"
#include "failover/netlink.h"

struct config_group;

/*
 * Must outlast any pause that we survive as master (dead_ms, 60 ms by default)
 * several times over; the kernel counts in seconds and may be one late.
 */
#define HOLDER_LEASE_S 3

/* Six chances to renew within a lease. */
#define HOLDER_RENEW_MS 500

#define HOLDER_ADDRESSES_MAX 32

struct holder {
	const struct config_group *group; /* borrowed: the configuration's */
	struct netlink *netlink;          /* borrowed: the role's */
	struct netlink_link link;
	bool held; /* the addresses are ours to renew */
	/* Another address of the subnet already brings the connected route. */
	bool no_route[HOLDER_ADDRESSES_MAX];
};

struct holder holder_init(
    const struct config_group *group, struct netlink *netlink);

/*
 * Looks at the interface again. Returns 0 or -errno; *ret_changed tells
 * whether it is another one now, or has another hardware address.
 */
MUST_CHECK int holder_look(struct holder *h, bool *ret_changed);

/*
 * Looks which subnets have an address besides ours. Ahead of time, because a
 * claim must not wait for a list of all addresses of the host.
 */
MUST_CHECK int holder_survey(struct holder *h);

/* Adds all, or renews the leases of all. Returns 0 or the first -errno. */
MUST_CHECK int holder_hold(struct holder *h);

/* Deletes all that are there; goes on after a failure and returns it. */
MUST_CHECK int holder_release(struct holder *h);

/* The group's own: its index among the addresses, or -1. */
int holder_find(const struct holder *h, const union addr *a);

/*
 * Deletes the group's addresses from wherever an earlier run left them on this
 * host. With `keep` they stay where all of them are on the interface, and
 * *ret_kept tells so. *ret_deleted: how many went. Returns 0 or -errno.
 */
MUST_CHECK int holder_clear(
    struct holder *h, bool keep, bool *ret_kept, unsigned *ret_deleted);

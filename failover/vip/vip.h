#pragma once

/*
 * The virtual IPs of one group on its interfaces: adds, renews and deletes
 * them, and knows how the interfaces are. Decides nothing and logs nothing. One
 * per group, embedded in struct role_group.
 *
 * An address is a lease: unless it is renewed, the kernel removes it. So it
 * lives no longer than this process, however this process ends. And it stands
 * alone, as /32 or /128 and without a route: nothing the host does to its own
 * address touches it, and nothing we do to it touches the host's.
 */

#include "core/base.h"
#include "failover/vip/netlink.h"

struct config_group;

/* How many chances to renew there are within a lease. */
#define VIP_RENEWALS 3

#define VIP_ADDRESSES_MAX 32
#define VIP_INTERFACES_MAX 4

struct vip {
	const struct config_group *group; /* borrowed: the configuration's */
	struct netlink *netlink;          /* borrowed: the role's */
	uint32_t lease_s;
	struct netlink_link links[VIP_INTERFACES_MAX]; /* as the group's */
	bool held;       /* the addresses are ours to renew */
	uint32_t usable; /* a bit each: the kernel has said that it is there */
	/*
	 * Of each the -errno with which the kernel refused it, or would: what
	 * family an interface takes is known before it is tried. Forgotten when
	 * it can be added, or the interface is another one or takes another
	 * family.
	 */
	int errors[VIP_ADDRESSES_MAX];
	unsigned failed_on; /* which interface: of the last -errno returned */
};

struct vip vip_init(const struct config_group *group, struct netlink *netlink,
    uint32_t lease_s);

/*
 * How long a lease has to be, in the kernel's whole seconds: a peer that is
 * silent and still answers is replaced after hang_timeout, and by then nobody
 * should hold what it held; but it must outlast any pause that we survive as
 * master (dead_ms) several times over.
 */
uint32_t vip_lease_s(uint32_t hang_ms, uint32_t dead_ms);

/*
 * Whether an address that the kernel has just removed went since nobody renewed
 * it for so long, and not by another program. For IPv6 the kernel looks later.
 */
bool vip_lease_has_ended(uint32_t lease_s, int64_t unrenewed_ms);

/*
 * Looks at the k-th interface again. What was held on one that has another name
 * now, or was made anew, is deleted there. Returns 0 or -errno; *ret_changed
 * tells whether it is another one now, or has another hardware address.
 */
MUST_CHECK int vip_look(struct vip *h, unsigned k, bool *ret_changed);

/* Where address `i` is. */
const struct netlink_link *vip_link(const struct vip *h, size_t i);

/*
 * Adds all, or renews the leases of all; what is refused is that address's
 * trouble. Returns 0, or the first -errno where none could be added.
 */
MUST_CHECK int vip_hold(struct vip *h);

/* Those that it cannot hold, a bit each. */
uint32_t vip_refused(const struct vip *h);

/* Some of them, as the peer is told: all bits where it is all addresses. */
uint32_t vip_lacks(const struct vip *h, uint32_t refused);

#define VIP_WHY_MAX 64

/* Why address `i` is one of them. */
const char *vip_why(
    const struct vip *h, size_t i, char buf[static VIP_WHY_MAX]);

/* Deletes all that are there; goes on after a failure and returns it. */
MUST_CHECK int vip_release(struct vip *h);

/*
 * The kernel tells that address `i` has come or was renewed, or has gone. An
 * IPv6 one is usable only some time after it was added, and packets to it are
 * lost until then.
 */
void vip_note(struct vip *h, int i, bool there);

/* What is sent to address `i` arrives. */
bool vip_is_usable(const struct vip *h, size_t i);

/* It has all of them that can be held, and each is usable. */
bool vip_is_complete(const struct vip *h);

/*
 * An IPv6 address of somebody else came or went, and what is known of the
 * group's interfaces has IPv6 switched off or on there: it is to be looked at.
 */
bool vip_contradicts(const struct vip *h, const struct netlink_change *c);

/* The group's own: its index among the addresses, or -1. */
int vip_find(const struct vip *h, const union addr *a);

/*
 * Deletes the group's addresses from wherever an earlier run left them on this
 * host. With `keep` they stay where all that can be are on the interface, and
 * *ret_kept tells so. *ret_deleted: how many went. Returns 0 or -errno.
 */
MUST_CHECK int vip_clear(
    struct vip *h, bool keep, bool *ret_kept, unsigned *ret_deleted);

/* Address `i` as it is held: on its interface, alone. */
bool vip_is_own(const struct vip *h, size_t i, int index, uint8_t prefix);

/*
 * Deletes what another program has added of them on this host: all but what is
 * held. *ret_deleted: how many went. Returns 0 or -errno.
 */
MUST_CHECK int vip_remove_strays(struct vip *h, unsigned *ret_deleted);

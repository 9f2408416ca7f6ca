#pragma once

/*
 * The kernel's addresses and interfaces: the door to libnl. Requests are
 * answered before they return (the kernel works on them within the call) and
 * allocate nothing; changes made by others are read one by one. The failover
 * process has one, and `hapair release`; in their only thread.
 */

#include "core/addr.h"
#include "core/base.h"

#include <net/if.h>

#define NETLINK_MAC_BYTES 6

struct netlink;

struct netlink_link {
	int index; /* 0: there is no such interface */
	bool up;   /* the administrator's word */
	bool carrier;
	bool v4, v6;   /* it takes addresses of that family */
	bool ethernet; /* `mac` is valid, and neighbours want announcements */
	uint8_t mac[NETLINK_MAC_BYTES];
};

struct netlink_address {
	int index;       /* of the interface */
	union addr addr; /* no port */
	uint8_t prefix;
	uint32_t valid_s;
};

/* Somebody on an Ethernet, as the kernel has met it. */
struct netlink_neighbour {
	int index;       /* of the interface */
	union addr addr; /* no port */
	bool answered;   /* what follows is known */
	uint8_t mac[NETLINK_MAC_BYTES];
	uint32_t confirmed_s; /* so long ago it was known to be there */
};

enum netlink_change_type {
	NETLINK_LINK,         /* something about interface `name` */
	NETLINK_ADDRESS,      /* `addr` came or was refreshed on `index` */
	NETLINK_ADDRESS_GONE, /* `addr` went from `index` */
	NETLINK_LOST,         /* changes were lost: look at everything anew */
};

struct netlink_change {
	enum netlink_change_type type;
	char name[IF_NAMESIZE];
	int index;
	union addr addr;
	uint8_t prefix; /* the address's */
};

/* It can ask. Returns 0 or -errno. */
MUST_CHECK int netlink_open(struct netlink **ret_netlink);
void netlink_free(struct netlink *n);

/* From now on it hears of changes. Returns 0 or -errno. */
MUST_CHECK int netlink_hear(struct netlink *n);

/*
 * Readable when netlink_next() has something, but for what was read along with
 * the change before: netlink_is_pending().
 */
int netlink_fd(const struct netlink *n);
bool netlink_is_pending(const struct netlink *n);

/* 1 and the next change made since, 0 when there is none, or -errno. */
MUST_CHECK int netlink_next(
    struct netlink *n, struct netlink_change *ret_change);

/* Returns 0 or -errno; no such interface: 0, with index 0. */
MUST_CHECK int netlink_find_link(
    struct netlink *n, const char *name, struct netlink_link *ret_link);

/*
 * Adds the address, or renews its lease: `valid_s` from now the kernel removes
 * it. An IPv6 one is usable soon (no duplicate detection, but see
 * netlink_is_local) and never chosen as a source. Returns what the kernel
 * answered: 0 or -errno.
 */
MUST_CHECK int netlink_put_address(
    struct netlink *n, const struct netlink_address *a);

/* Returns 0, also where it is not there (any more), or -errno. */
MUST_CHECK int netlink_del_address(
    struct netlink *n, const struct netlink_address *a);

/*
 * Whether packets to the address come to this host. An IPv6 address that was
 * just added is there, and its route comes some time later. False where the
 * kernel does not say.
 */
bool netlink_is_local(struct netlink *n, const union addr *a);

typedef void netlink_address_fn(void *arg, const struct netlink_address *a);

/* Calls `fn` for each address of this host. Returns 0 or -errno. */
MUST_CHECK int netlink_each_address(
    struct netlink *n, netlink_address_fn *fn, void *arg);

typedef void netlink_neighbour_fn(void *arg, const struct netlink_neighbour *a);

/*
 * Calls `fn` for each on the interface, also who did not answer. Returns 0 or
 * -errno.
 */
MUST_CHECK int netlink_each_neighbour(
    struct netlink *n, int index, netlink_neighbour_fn *fn, void *arg);

/*
 * One that did not answer is asked again as soon as something is sent to it,
 * and not a second after it was asked last. Returns 0, also where it has gone,
 * or -errno.
 */
MUST_CHECK int netlink_forget_neighbour(
    struct netlink *n, const struct netlink_neighbour *a);

/*
 * The router to the rest of the world over the interface. False where there is
 * none, or the kernel does not say.
 */
bool netlink_find_gateway(
    struct netlink *n, int index, int family, union addr *ret_gateway);

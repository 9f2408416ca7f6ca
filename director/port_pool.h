#pragma once

/*
 * The ports from which one node connects to one server from one source address,
 * whatever the service: two services with the same server would meet otherwise.
 * The nodes of a pair have the even ones and the odd ones, so that both may
 * serve at the same time; a node may have to know of the other's, too, which
 * are none of its pool.
 *
 * A port that is free is taken again last of all, and where the server may have
 * its end of the old connection still (it closed first, or was given up) not
 * before 60 s have passed, as long as there are others: that is how long Linux
 * keeps TIME_WAIT. When there are no others the oldest of those is taken, and
 * no client refused: at worst the server's old end answers with a challenge
 * ACK, the client resets it, and its SYN is repeated after a second.
 *
 * Pure. The array is the caller's.
 */

#include "config/config.h"
#include "core/base.h"
#include "core/mono.h"

#define PORT_POOL_QUARANTINE_S 60

/*
 * Above those that services have by habit, and below those of the relay's own
 * connections from the same address (proxy/pool/source_ports.h).
 */
#define PORT_POOL_FIRST CONFIG_KERNEL_PORT_FIRST
#define PORT_POOL_PORTS                                                        \
	((CONFIG_KERNEL_PORT_LAST + 1 - CONFIG_KERNEL_PORT_FIRST) / 2)

struct port_pool_list {
	uint16_t first, last;
	uint16_t n;
};

struct port_pool_port {
	uint16_t before, after;
	uint8_t state;    /* enum of port_pool.c */
	uint32_t freed_s; /* when, in seconds of the monotonic clock */
};

struct port_pool {
	struct port_pool_port *ports; /* borrowed */
	uint16_t n;                   /* of them; PORT_POOL_PORTS at most */
	uint16_t parity;              /* 0 or 1: the node */
	struct port_pool_list free, quarantine;
};

/*
 * All are free. The search begins at the n-th for which `chance` stands: what
 * was before this process began with others.
 */
void port_pool_init(struct port_pool *p, uint16_t chance);

/* 0: all are in use. */
MUST_CHECK uint16_t port_pool_take(struct port_pool *p, struct mono now);

/* Of one that the peer tells of; another node's, and one in use, stay as is. */
void port_pool_claim(struct port_pool *p, uint16_t port);

/* Likewise: what is not in use here is ignored. */
void port_pool_give(
    struct port_pool *p, uint16_t port, bool quarantine, struct mono now);

bool port_pool_is_taken(const struct port_pool *p, uint16_t port);

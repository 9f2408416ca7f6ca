#pragma once

/*
 * The kernel's routes and interfaces, asked for and listened to, by two netlink
 * sockets. Three questions are all there is to it, so they are asked without a
 * library; libnl's door is failover's, whose requests are other ones.
 *
 * An answer comes within the call: the kernel works on it meanwhile.
 */

#include "core/base.h"
#include "director/conn_tuple.h"

struct route_query {
	int asking, hearing; /* -1: not open */
	uint32_t seq;
};

struct route_query_link {
	uint32_t ifindex;
	uint32_t mtu;
	bool up;       /* the administrator's word */
	bool ethernet; /* its packets begin with such a header */
};

struct route_query_answer {
	uint32_t ifindex; /* that packets leave by */
	bool local;       /* the host has the address itself */
};

/* The empty value. */
struct route_query route_query_none(void);

/* Returns 0 or -errno. */
MUST_CHECK int route_query_open(struct route_query *q);
void route_query_close(struct route_query *q);

/* Reads away what was heard, or some of much. True: some link or route is
 * another now. */
MUST_CHECK bool route_query_hear(struct route_query *q);

/* The way to an address. Returns 0 or -errno: there is none. */
MUST_CHECK int route_query_ask(struct route_query *q,
    const uint8_t ip[static CONN_TUPLE_IP], struct route_query_answer *ret);

/* 0: there is no such interface. */
uint32_t route_query_find(const char *name);

/* Returns 0 or -errno. */
MUST_CHECK int route_query_look(
    struct route_query *q, uint32_t ifindex, struct route_query_link *ret);

/* All that there are; more than `room` are left out. Returns how many there
 * are. */
unsigned route_query_links(
    struct route_query *q, struct route_query_link *ret_links, unsigned room);

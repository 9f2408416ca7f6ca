#pragma once

/*
 * A connection's slot and entries, computed from its addresses: what the kernel
 * program needs ready. Values only; the process that calls it owns the maps.
 */

#include "director/bpf/director_bpf.h"

/* A connection as it is on both sides of the director. */
struct director_slot_route {
	/* As the client's packets come in: from the client, to the service. */
	struct director_bpf_key client;
	/* As they leave: from the source address and port, to the server. */
	struct director_bpf_key server;
	__u32 client_ifindex;
	__u32 server_ifindex;
	/* The largest MSS that the client may be offered; 0: the server's. */
	__u16 mss;
	/* Of the client's SYN. */
	__u32 client_isn;
	/* SYN_SENT, INHERITED, FIRST_BYTE of enum director_bpf_flag. */
	__u32 flags;
};

/* Before the entries are in conns. Leaves opened_ns and tag alone, empties the
 * rest. The program may still be at work with what the slot held before: a
 * packet of the old connection then finds another one's addresses and is not
 * known. */
void director_slot_fill(
    struct director_bpf_slot *slot, const struct director_slot_route *route);

/* The key of the packets that come from an end, for conns. */
struct director_bpf_key director_slot_key(
    const struct director_slot_route *route, enum director_bpf_from from);

/* The other way round: what a slot that a former process filled stands for. The
 * flags are as they are by now. */
void director_slot_route(const struct director_bpf_slot *slot,
    struct director_slot_route *ret_route);

#pragma once

/*
 * The director's process: what is everybody's, and borrowed pointers to what
 * each shell file has for itself. One struct, made by director.c, in the
 * process's only thread:
 *
 *	director.c           start, end, and what the supervisor says
 *	director_turn.c      steps of the node, and what a turn of the loop ends
 *	                     with
 *	director_effects.c   carries out what the node decides
 *	director_rings.c     what the kernel program reports
 *	director_entries.c   entries of the kernel's map, many at a time
 *	director_sender.c    packets
 *	director_tables.c    the node's arrays, by the file
 *	director_pools.c     pools of ports, by source and server
 *	director_routes.c    interfaces and routes
 *	director_rebuild.c   what a process before has left in the maps
 *	director_failover.c  who owns what, as failover says
 *	director_reach.c     which servers can be had, and who the relay gets
 *	director_ghosts.c    what nobody tells of any more
 *	director_relay.c     how servers stand, as the relay says
 *	director_report.c    what the relay is told, and the log
 *	director_listing.c   single connections, for who asks
 *	director_peer.c      the stream to the other node's director
 */

#include "config/config.h"
#include "core/msg.h"
#include "core/secret.h"
#include "director/bpf/director_program.h"
#include "director/director_node.h"
#include "director/director_packet.h"

#include <ev.h>

struct closer;
struct director_entries;
struct director_failover;
struct director_ghosts;
struct director_peer;
struct director_pools;
struct director_reach;
struct director_relay;
struct director_report;
struct director_rings;
struct director_routes;
struct director_sender;
struct director_tables;
struct director_turn;

/* What the process knows of a slot, beside the node and the kernel. */
struct director_role_conn {
	struct mono accepted; /* its first SYN; void where it is free */
	struct mono placed;   /* it got its first server */
	struct mono emitted;  /* its SYN went to its server first; never: not
	                         from here */
	uint32_t client_ifindex;
	bool counted;      /* as accepted, on this node */
	bool made;         /* as a connect of its server, likewise */
	uint64_t bytes[2]; /* of its slot, that are in figures already */
	bool written;      /* the kernel's slot is its own */
	bool orphan; /* its service or server left the file before this process
	              */
	uint8_t resets; /* of ends, a bit each, to go before its entries do */
	uint8_t syn_len;
	uint8_t syn[DIRECTOR_PACKET_BYTES_MAX];
};

struct director_role {
	struct ev_loop *loop; /* its user data is the role */
	int supervisor;       /* the channel */
	struct closer *closer;
	struct msg_start start;
	struct config *config;
	struct secret_keys keys;  /* the pair's; none: not here yet */
	bool begun;               /* the maps are ours */
	bool stopped;             /* and are not any more */
	char fault[MSG_TEXT_MAX]; /* why all is relayed; "": it is not */

	struct director_node node;
	struct director_program *program; /* NULL: all is relayed */
	struct director_bpf_slot *slots;  /* its own */
	struct director_role_conn *conns; /* as many */

	/* Each its own file's; NULL before its _new(). */
	struct director_entries *entries;
	struct director_failover *failover;
	struct director_ghosts *ghosts;
	struct director_peer *peer;
	struct director_pools *pools;
	struct director_reach *reach;
	struct director_relay *relay;
	struct director_report *report;
	struct director_rings *rings;
	struct director_routes *routes;
	struct director_sender *sender;
	struct director_tables *tables;
	struct director_turn *turn;
};

/* Name of a service for log lines; of one that the file does not have: "-". */
static inline const char *
director_role_service(const struct director_role *role, uint32_t service)
{
	return service < role->config->n_services
	    ? role->config->services[service].name
	    : "-";
}

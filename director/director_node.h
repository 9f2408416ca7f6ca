#pragma once

/*
 * All that one director decides: the connections that the kernel passes on, and
 * what the peer knows of them. One step for the whole node: the shell turns
 * what the kernel, the peer, failover and the relay say into events, and
 * carries effects out in their order; the model drives the same function.
 *
 * Pure: no clock, socket, allocation or log. All arrays are the caller's, made
 * once for as many slots as there shall be. One thread.
 */

#include "director/client_count.h"
#include "director/kernel_conn.h"
#include "director/port_pool.h"
#include "director/replica.h"
#include "director/replica_msg.h"
#include "director/server_choice.h"
#include "director/slot_list.h"
#include "director/syn_valve.h"
#include "director/timer_wheel.h"
#include "director/tuple_index.h"

#define DIRECTOR_NODE_NONE UINT32_MAX

/*
 * A slot is not filled again before: a program that has just looked up the
 * entry of the one before reads it for some microseconds (kernel: an element of
 * a hash is used again at once).
 */
#define DIRECTOR_NODE_REST_MS 10

/* Of those that wait, how many are asked when a place is free. */
#define DIRECTOR_NODE_OFFERS 16

/* At most so many of what is due, or of a dump, in one step: half a
 * millisecond, in which SYNs wait. */
#define DIRECTOR_NODE_PORTION 256
/* And so many slots are looked at for it: less than half a millisecond. */
#define DIRECTOR_NODE_LOOKS 16384

/* Of a server that is cut, in one step: two packets each. */
#define DIRECTOR_NODE_CUT_PORTION 256
/* So many at a time; of more the first one is done at once. */
#define DIRECTOR_NODE_CUTS 16

enum director_node_event_type {
	DIRECTOR_NODE_SYN,       /* the program has one: listen, tuple, isn */
	DIRECTOR_NODE_REFUSED,   /* likewise, of a server: slot, reason */
	DIRECTOR_NODE_CLOSED,    /* likewise, an end: slot */
	DIRECTOR_NODE_TICK,      /* the time of director_node_wake() has come */
	DIRECTOR_NODE_FAILED,    /* WRITE could not be done: slot */
	DIRECTOR_NODE_SERVER,    /* how one stands now: service, server, said */
	DIRECTOR_NODE_CUT,       /* all of a server (NONE: of the service) */
	DIRECTOR_NODE_TURN_AWAY, /* who waits for a service: they ask again */
	DIRECTOR_NODE_KILL,      /* one connection: slot, reason */
	DIRECTOR_NODE_CLAIM,     /* this node owns the group: term, peer_dead */
	DIRECTOR_NODE_RELEASE,   /* it is about to lose the address */
	DIRECTOR_NODE_KNOW,      /* the election knows of a term of the group */
	DIRECTOR_NODE_LINK_UP,   /* the stream to the peer is there */
	DIRECTOR_NODE_LINK_DOWN, /* and is no more */
	DIRECTOR_NODE_PEER_DEAD, /* failover says so */
	DIRECTOR_NODE_HEARD,     /* from the peer: msg */
	DIRECTOR_NODE_READ_ALL,  /* there is no more of that for now */
	DIRECTOR_NODE_CAN_SEND,  /* the stream has room for a portion of a dump
	                          */
	DIRECTOR_NODE_FORGET, /* the peer has the group, and tells of nothing: a
	                         portion of what we have of it is over */
};

struct director_node_event {
	enum director_node_event_type type;
	uint32_t slot;
	uint32_t listen, service, server;
	struct conn_tuple tuple; /* of the client */
	uint32_t isn;
	enum end_reason reason;
	struct server_choice_server said;
	unsigned group;
	uint64_t term;
	bool peer_dead;
	const struct replica_msg *msg;
	uint64_t chance; /* 64 random bits */
};

enum director_node_effect_type {
	/* Of a connection: `slot`. */
	DIRECTOR_NODE_KEEP, /* the SYN of this event, whole, for EMIT */
	/* Fill the slot (`inherited`, `first_byte`), then both entries. */
	DIRECTOR_NODE_WRITE,
	DIRECTOR_NODE_ERASE,      /* both entries: client, server */
	DIRECTOR_NODE_EMIT,       /* mark it as sent, send it */
	DIRECTOR_NODE_PASS_ON,    /* send the SYN of this event, as it comes */
	DIRECTOR_NODE_LET_PASS,   /* withhold neither refusals nor bare ACKs */
	DIRECTOR_NODE_GO_ON,      /* clear that its end was told */
	DIRECTOR_NODE_ANEW,       /* and whatever else was seen of it */
	DIRECTOR_NODE_TICKLE,     /* a bare ACK to each end */
	DIRECTOR_NODE_ASK_CLIENT, /* likewise, to the client alone */
	/* A RST: behind the SYN, behind what was sent, or both ways. */
	DIRECTOR_NODE_RESET_CLIENT,
	DIRECTOR_NODE_RESET_SERVER,
	DIRECTOR_NODE_RESET_BOTH,
	DIRECTOR_NODE_ACCUSE, /* its server, at the health checks */
	DIRECTOR_NODE_ENDED,  /* counters and a line: reason */
	/* Of the node. */
	DIRECTOR_NODE_REJECT, /* a RST for this SYN: too many of a client */
	DIRECTOR_NODE_VALVE,  /* new SYNs go to the listener, or not: open */
	DIRECTOR_NODE_TICKLE_ALL, /* of a group that was claimed */
	DIRECTOR_NODE_RELEASED,   /* the address may go */
	DIRECTOR_NODE_SEND,       /* to the peer: msg */
	DIRECTOR_NODE_HANG_UP,    /* end the stream: why */
};

enum director_node_hang_up {
	DIRECTOR_NODE_PEER_IS_DEAD,
	DIRECTOR_NODE_MISBEHAVES, /* what it says cannot be */
	DIRECTOR_NODE_MISMATCH,   /* it has more slots or fewer, or is ourselves
	                           */
	DIRECTOR_NODE_MAPS_FULL,  /* what it says does not fit here */
};

struct director_node_effect {
	enum director_node_effect_type type;
	uint32_t slot;
	bool inherited, first_byte, open;
	struct conn_tuple client, server;
	enum end_reason reason;
	unsigned group;
	struct replica_msg msg;
	enum director_node_hang_up why;
};

/* What a step asks of the shell. */
struct director_node_calls {
	void (*put)(void *arg, const struct director_node_effect *e);
	/* What the program has seen, read from the slot. */
	void (*look)(
	    void *arg, uint32_t slot, struct kernel_conn_seen *ret_seen);
};

struct director_node_listen {
	uint8_t ip[CONN_TUPLE_IP];
	uint16_t port;
	uint16_t service;
	unsigned group; /* whose address it is */
};

struct director_node_service {
	struct kernel_conn_rules rules;
	uint32_t max_connections, max_per_client; /* 0: no limit */
	/* Where servers are connected from; all zeros: not in that family. */
	uint8_t source_v4[CONN_TUPLE_IP], source_v6[CONN_TUPLE_IP];
	struct server_choice choice;
	/* Set by the node. */
	uint32_t connections; /* that have a place */
	struct slot_list held;
	bool room; /* a place was given back, or a server came up */
};

enum director_node_list {
	DIRECTOR_NODE_IN_NONE,
	DIRECTOR_NODE_IN_FREE, /* the one that is free for longest first */
	DIRECTOR_NODE_IN_HELD, /* its service's */
	DIRECTOR_NODE_IN_COMMITTING,
	DIRECTOR_NODE_IN_YOUNG,
};

struct director_node_slot {
	struct kernel_conn conn;
	uint64_t seq;   /* under which the peer was told; 0: never */
	uint32_t their; /* the peer's slot for it, on the stream `link`; NONE */
	uint32_t link;
	uint32_t begun; /* of the peer's BEGINs, the one it was told behind */
	uint32_t born;  /* of all that there were, which one */
	struct mono freed;
	uint32_t isn;
	uint32_t service, server; /* NONE: this file does not have it */
	uint32_t pool;            /* of ports; NONE */
	uint16_t port;
	uint8_t group;
	bool counted_young;
	enum director_node_list list;
};

struct director_node_setup {
	uint8_t self; /* 0 or 1; pools have the even or the odd ports */
	bool paired;
	uint32_t n_slots;
	unsigned n_groups, n_services, n_listens;
	unsigned n_former;         /* listens behind those: of services that are
	                              relayed now, and may have connections yet */
	uint32_t young_per_client; /* 0: no limit */
	struct syn_valve_limits valve;
};

/* All connections of a server (NONE: of the service) that were there at the
 * event: some in each step. */
struct director_node_cut {
	uint32_t service, server, next;
	uint32_t births; /* those after it stay */
	enum end_reason reason;
};

struct director_node {
	struct director_node_setup setup;
	const struct director_node_calls *calls; /* borrowed */
	void *arg;                               /* of the calls */
	/* Borrowed, and filled in by the caller: what the file says. */
	struct director_node_service *services;
	const struct director_node_listen *listens;
	struct port_pool *pools;
	/* Borrowed; filled in by director_node_init(). */
	struct director_node_slot *slots;
	struct slot_list_link *links;
	uint32_t *theirs; /* our slot for each of the peer's; NONE */
	struct tuple_index index;
	struct timer_wheel wheel;
	struct client_count clients;

	struct replica replica;
	struct mono claimed[REPLICA_GROUPS];
	uint32_t cursors[REPLICA_GROUPS]; /* of dumps: the next slot */
	bool greeted;                     /* the peer has said hello */
	/* What is void, since its stream ended or the peer began anew, is known
	 * by these: nobody looks at each slot for it. */
	uint32_t link, begins[REPLICA_GROUPS];
	bool finishing[REPLICA_GROUPS]; /* FINISH was heard: what is stale goes
	                                 */
	uint32_t swept[REPLICA_GROUPS]; /* the next slot */
	uint32_t births;
	unsigned n_cuts;
	struct director_node_cut cuts[DIRECTOR_NODE_CUTS];
	struct slot_list free, committing, young;
	uint32_t n_young; /* connections that are not made, or silent */
	struct syn_valve valve;
	/* Of the step that is under way. */
	const struct director_node_event *ev;
	struct mono now;
	uint64_t draws;            /* of chance, in this step */
	bool late[REPLICA_GROUPS]; /* the peer is too slow */
	bool room;                 /* of some service */
};

/* `setup`, calls and arrays are set; pools have their ports. */
void director_node_init(struct director_node *d, struct mono now);

/* One step: everything that follows from this event. */
void director_node_step(struct director_node *d,
    const struct director_node_event *ev, struct mono now);

/* When DIRECTOR_NODE_TICK is due. */
struct mono director_node_wake(const struct director_node *d);

/* Some dump is under way, told or heard: DIRECTOR_NODE_CAN_SEND as soon as that
 * holds. */
bool director_node_is_dumping(const struct director_node *d);

struct director_node_count {
	uint32_t connections, protected;
};

/* For `status`: a look at every slot. */
struct director_node_count director_node_count(
    const struct director_node *d, unsigned group);

/* Of no service that the file has, whoever owns them. */
uint32_t director_node_count_left(const struct director_node *d);

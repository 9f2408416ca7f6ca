#pragma once

/*
 * What the director says and hears (doc/director.md): messages of msg.h as any
 * others, with the same rules. Failover tells it whose addresses are where, the
 * relay how servers stand and what operators want; it tells the relay what
 * becomes of connections, for `status` and the checks.
 *
 * An address is 16 bytes in network order, that of IPv4 as ::ffff:a.b.c.d; all
 * zeros: there is none. Indices are those of the configuration.
 *
 * Pure.
 */

#include "core/base.h"
#include "core/msg.h"

#define MSG_KERNEL_IP_BYTES 16

/* In place of a service or a server: all of them. */
#define MSG_KERNEL_ALL UINT16_MAX

/* Room for the relay's END_REASON_COUNT, and for the program's counters. */
#define MSG_KERNEL_ENDINGS 24
#define MSG_KERNEL_COUNTERS 24

struct msg_kernel_end {
	uint8_t ip[MSG_KERNEL_IP_BYTES];
	uint16_t port;
};

/* STREAM_LISTENER: where the peer's director is accepted. */
struct msg_kernel_listener {
	uint16_t address; /* index of the node's own; 0 */
};

/* CLAIM: the addresses of a group are about to be ours, or are. */
struct msg_kernel_claim {
	uint16_t group;
	uint64_t term;
	bool peer_dead; /* nobody is to be waited for */
};

/* RELEASE: they are about to go. */
struct msg_kernel_release {
	uint16_t group;
	bool muted; /* failover holds new clients, and no listener answers */
};

/* RELEASED: they may. */
struct msg_kernel_group {
	uint16_t group;
};

/* TERM: the election knows of an owner, wherever, at this term. */
struct msg_kernel_term {
	uint16_t group;
	uint64_t term;
};

/* PEER_LIFE: what heartbeats say of the peer; at first, and when it changes. */
struct msg_kernel_life {
	bool dead;
};

/*
 * LEVEL: whether the peer has all connections of a group that this node owns,
 * so that it could be given it; where it changes, and after each CLAIM.
 */
struct msg_kernel_level {
	uint16_t group;
	bool level;
};

/* KERNEL_SERVER: how one stands now; each at first, then SERVERS_END. */
struct msg_kernel_server {
	uint16_t service, server;
	struct msg_kernel_end at; /* no address: it is not resolved yet */
	bool usable;
	uint8_t tier; /* proxy/pool/pool_choice.h */
	uint32_t weight, limit, slow_start_ms;
	int64_t up_ms;      /* ago; -1: never, no ramp */
	uint32_t elsewhere; /* connections that the relay has there */
};

/* KERNEL_CUT: all of a server, or of a service, shall end. */
struct msg_kernel_cut {
	uint16_t service, server;
	uint8_t reason; /* proxy/data/end_reason.h */
};

/* KERNEL_ACCUSED: a connect failed there, its check is to come soon. */
struct msg_kernel_accused {
	uint16_t service, server;
};

/* KERNEL_KILL, and KERNEL_KILLED. */
struct msg_kernel_kill {
	uint32_t ask;
	uint64_t id;
};

struct msg_kernel_killed {
	uint32_t ask;
	bool found;
};

/*
 * KERNEL_LIST: at most so many KERNEL_CONN, of those from this place on (0: the
 * first), and KERNEL_LIST_END with where to go on.
 */
struct msg_kernel_list {
	uint32_t ask;
	uint16_t service; /* or MSG_KERNEL_ALL */
	uint32_t from;
	uint16_t most;
};

struct msg_kernel_list_end {
	uint32_t ask;
	uint32_t next; /* 0: that was all */
};

enum msg_kernel_phase {
	MSG_KERNEL_HELD,       /* its SYN is kept, it has no server */
	MSG_KERNEL_COMMITTING, /* the peer is to confirm */
	MSG_KERNEL_CONNECTING, /* its SYN is at the server */
	MSG_KERNEL_SILENT,     /* made; the client's first byte is awaited */
	MSG_KERNEL_OPEN,
	MSG_KERNEL_DOUBTED, /* a RST passed, which an end may not believe */
};

/* Why connections are not protected: director/replica.h. */
enum msg_kernel_why {
	MSG_KERNEL_WHY_NOT, /* they are, or will be with the next word */
	MSG_KERNEL_WHY_SINGLE,
	MSG_KERNEL_WHY_NO_LINK,
	MSG_KERNEL_WHY_SPLIT, /* the peer owns the addresses, too */
	MSG_KERNEL_WHY_DUMP,
	MSG_KERNEL_WHY_LAGS,
	MSG_KERNEL_WHY_DISPUTED, /* the peer knows of an owner of a later term
	                          */
};

struct msg_kernel_conn {
	uint32_t ask;
	uint64_t id;
	uint16_t service, server; /* MSG_KERNEL_ALL: this file has it not */
	struct msg_kernel_end client, listen, source, to; /* `to`: the server */
	int64_t age_ms, idle_ms;
	uint64_t bytes_in, bytes_out; /* from, to the client; on this node */
	uint8_t phase;                /* enum msg_kernel_phase */
	bool protected;
	uint8_t why; /* enum msg_kernel_why */
};

/* KERNEL_SERVICE: where it changed, every 100 ms at the most. */
struct msg_kernel_service {
	uint16_t service;
	uint32_t open;      /* connections, whatever their phase */
	uint32_t protected; /* of these */
	uint32_t silent, held;
	uint64_t accepted; /* SYNs that became connections */
	uint64_t refused;  /* clients that were told there is no server */
	uint64_t failed;   /* connects to servers that failed */
	uint64_t retries;  /* of those, how many went on elsewhere */
	uint64_t denied;   /* by `allow` and `deny` */
	uint64_t too_many; /* for max_connections_per_client */
	uint64_t bytes_in, bytes_out;
	uint64_t ended[MSG_KERNEL_ENDINGS]; /* by enum end_reason */
};

/* KERNEL_COUNT: likewise, of a server. */
struct msg_kernel_count {
	uint16_t service, server;
	uint32_t open;
	uint64_t total, failed;
	uint64_t bytes_in, bytes_out;
};

enum msg_kernel_work {
	MSG_KERNEL_STARTING,
	MSG_KERNEL_WORKS,
	MSG_KERNEL_RELAY_ONLY, /* it can't; all is relayed: `reason` */
};

enum msg_kernel_peer {
	MSG_KERNEL_PEER_NONE, /* there is none by the configuration */
	MSG_KERNEL_PEER_DOWN, /* no stream */
	MSG_KERNEL_PEER_DUMPING,
	MSG_KERNEL_PEER_LINKED,
	MSG_KERNEL_PEER_LAGGING,
	MSG_KERNEL_PEER_MISMATCH, /* other slots, another version: `reason` */
};

/* KERNEL_STATE: of all of it, likewise. */
struct msg_kernel_state {
	uint64_t life;                    /* another: it counts from 0 again */
	uint8_t work;                     /* enum msg_kernel_work */
	uint8_t peer;                     /* enum msg_kernel_peer */
	uint8_t why[MSG_PEER_GROUPS_MAX]; /* enum msg_kernel_why, of groups */
	uint32_t slots, slots_used;
	uint32_t left; /* of these, such as no service of the file has */
	bool valve;    /* new SYNs go to the relay's listener */
	uint64_t counters[MSG_KERNEL_COUNTERS]; /* of the program, in order */
	char reason[MSG_TEXT_MAX];
};

void msg_kernel_put_listener(
    struct buf *b, const struct msg_kernel_listener *m);
void msg_kernel_put_claim(struct buf *b, const struct msg_kernel_claim *m);
void msg_kernel_put_release(struct buf *b, const struct msg_kernel_release *m);
void msg_kernel_put_group(struct buf *b, const struct msg_kernel_group *m);
void msg_kernel_put_term(struct buf *b, const struct msg_kernel_term *m);
void msg_kernel_put_life(struct buf *b, const struct msg_kernel_life *m);
void msg_kernel_put_level(struct buf *b, const struct msg_kernel_level *m);
void msg_kernel_put_server(struct buf *b, const struct msg_kernel_server *m);
void msg_kernel_put_cut(struct buf *b, const struct msg_kernel_cut *m);
void msg_kernel_put_accused(struct buf *b, const struct msg_kernel_accused *m);
void msg_kernel_put_kill(struct buf *b, const struct msg_kernel_kill *m);
void msg_kernel_put_killed(struct buf *b, const struct msg_kernel_killed *m);
void msg_kernel_put_list(struct buf *b, const struct msg_kernel_list *m);
void msg_kernel_put_list_end(
    struct buf *b, const struct msg_kernel_list_end *m);
void msg_kernel_put_conn(struct buf *b, const struct msg_kernel_conn *m);
void msg_kernel_put_service(struct buf *b, const struct msg_kernel_service *m);
void msg_kernel_put_count(struct buf *b, const struct msg_kernel_count *m);
void msg_kernel_put_state(struct buf *b, const struct msg_kernel_state *m);

MUST_CHECK int msg_kernel_get_listener(
    struct buf *b, struct msg_kernel_listener *ret);
MUST_CHECK int msg_kernel_get_claim(
    struct buf *b, struct msg_kernel_claim *ret);
MUST_CHECK int msg_kernel_get_release(
    struct buf *b, struct msg_kernel_release *ret);
MUST_CHECK int msg_kernel_get_group(
    struct buf *b, struct msg_kernel_group *ret);
MUST_CHECK int msg_kernel_get_term(struct buf *b, struct msg_kernel_term *ret);
MUST_CHECK int msg_kernel_get_life(struct buf *b, struct msg_kernel_life *ret);
MUST_CHECK int msg_kernel_get_level(
    struct buf *b, struct msg_kernel_level *ret);
MUST_CHECK int msg_kernel_get_server(
    struct buf *b, struct msg_kernel_server *ret);
MUST_CHECK int msg_kernel_get_cut(struct buf *b, struct msg_kernel_cut *ret);
MUST_CHECK int msg_kernel_get_accused(
    struct buf *b, struct msg_kernel_accused *ret);
MUST_CHECK int msg_kernel_get_kill(struct buf *b, struct msg_kernel_kill *ret);
MUST_CHECK int msg_kernel_get_killed(
    struct buf *b, struct msg_kernel_killed *ret);
MUST_CHECK int msg_kernel_get_list(struct buf *b, struct msg_kernel_list *ret);
MUST_CHECK int msg_kernel_get_list_end(
    struct buf *b, struct msg_kernel_list_end *ret);
MUST_CHECK int msg_kernel_get_conn(struct buf *b, struct msg_kernel_conn *ret);
MUST_CHECK int msg_kernel_get_service(
    struct buf *b, struct msg_kernel_service *ret);
MUST_CHECK int msg_kernel_get_count(
    struct buf *b, struct msg_kernel_count *ret);
MUST_CHECK int msg_kernel_get_state(
    struct buf *b, struct msg_kernel_state *ret);

#pragma once

/*
 * The life of one connection that the kernel passes on: the client's own SYN
 * goes to a server once the peer knows of it, and from then on the program
 * (director/bpf/) only translates addresses and ports.
 *
 *	FREE        SYN→        HELD        a server and a port are looked for
 *	HELD        PLACED→     COMMITTING  the peer is told
 *	COMMITTING  CONFIRMED→  CONNECTING  entries, then the SYN
 *	CONNECTING  answered→   OPEN        or SILENT: the client speaks first
 *	            REFUSED→    HELD        the next server, another port
 *	SILENT      a byte→     OPEN
 *	OPEN        RST→        DOUBTED     only the ends can judge it
 *	DOUBTED     1 s→        FREE        or OPEN, if packets went on
 *
 * Both nodes have this value of each connection; only the one that owns its
 * address decides. Where `mine` is false nothing is decided, whatever comes
 * due: that is how a release stops all timers at once.
 *
 * Pure: no clock, socket, allocation or log. One a slot, fed by
 * director_conns.c. A value without pointers.
 */

#include "core/base.h"
#include "core/mono.h"
#include "director/server_choice.h"
#include "proxy/data/end_reason.h"
#include "proxy/pool/pool_choice.h"

enum kernel_conn_state {
	KERNEL_CONN_FREE,       /* nobody's */
	KERNEL_CONN_HELD,       /* its SYN is kept, it has no server */
	KERNEL_CONN_COMMITTING, /* it has one, and the peer is to confirm */
	KERNEL_CONN_CONNECTING, /* its SYN is at the server */
	KERNEL_CONN_SILENT,     /* made; the client's first byte is awaited */
	KERNEL_CONN_OPEN,       /* made, or the peer's: nothing is withheld */
	KERNEL_CONN_DOUBTED,    /* a RST passed; whether it is believed... */
};

#define KERNEL_CONN_STATES 7

enum kernel_conn_type {
	KERNEL_CONN_SYN,       /* of its client: `syn`, `seen` */
	KERNEL_CONN_PLACED,    /* it has a port, and a place at `server` */
	KERNEL_CONN_UNPLACED,  /* it can have none: `wants` */
	KERNEL_CONN_ROOM,      /* a place may be free again */
	KERNEL_CONN_CONFIRMED, /* the peer has it, or is not waited for */
	KERNEL_CONN_REFUSED,   /* its server has refused the SYN: `reason` */
	KERNEL_CONN_CLOSED,    /* the program has seen its end: `seen` */
	KERNEL_CONN_LOOK,      /* the time that `deadline` asked for: `seen` */
	KERNEL_CONN_CUT,       /* it shall end: `reason`, `seen` */
	KERNEL_CONN_FAILED,    /* the kernel did not take its entries */
	KERNEL_CONN_RELEASE,   /* the address leaves this node */
	KERNEL_CONN_ADDED,   /* the peer, who owns it, tells of it: `server` */
	KERNEL_CONN_DELETED, /* likewise: it is no more */
	KERNEL_CONN_FOUND,   /* in the maps, by a process that has just begun */
};

#define KERNEL_CONN_TYPES 14

enum kernel_conn_action {
	KERNEL_CONN_KEEP,         /* the SYN of this event, for later */
	KERNEL_CONN_CHOOSE,       /* a server and a port: PLACED, UNPLACED */
	KERNEL_CONN_TELL,         /* the peer; then CONFIRMED */
	KERNEL_CONN_FORGET,       /* what the peer was told does not hold */
	KERNEL_CONN_LATE,         /* the peer has not confirmed in time */
	KERNEL_CONN_WRITE,        /* slot and entries into the maps */
	KERNEL_CONN_EMIT,         /* the SYN that is kept; RST is a refusal */
	KERNEL_CONN_PASS_ON,      /* the SYN of this event, and no more */
	KERNEL_CONN_LET_PASS,     /* nothing of it is withheld any more */
	KERNEL_CONN_GO_ON,        /* its end shall be told anew */
	KERNEL_CONN_ANEW,         /* nothing was seen of it so far */
	KERNEL_CONN_TICKLE,       /* bare ACKs: whoever lives answers */
	KERNEL_CONN_ASK_CLIENT,   /* likewise, the client alone */
	KERNEL_CONN_ACCUSE,       /* the server, at its checks */
	KERNEL_CONN_RESET_CLIENT, /* it has no connection yet */
	KERNEL_CONN_RESET_SERVER, /* likewise */
	KERNEL_CONN_RESET_BOTH,   /* what was made ends */
	KERNEL_CONN_LEAVE,        /* server, port and entries; it stays */
	KERNEL_CONN_END,          /* write down how it ended: `reason` */
	KERNEL_CONN_DROP,  /* it is over: all that it has, and its slot */
	KERNEL_CONN_AGAIN, /* the SYN of this event begins another one */
};

#define KERNEL_CONN_ACTIONS_MAX 5

/* How often a connection that is being made is looked at. */
#define KERNEL_CONN_LOOK_MS 250

/* How often any is: the ring that tells of ends may have been full. */
#define KERNEL_CONN_SWEEP_MS 10000

/*
 * A client that has the server's SYN-ACK completes in a round trip, or repeats
 * after 1 and 3 s what was lost. Who has not by then never sent that SYN.
 */
#define KERNEL_CONN_HALF_OPEN_MS 5000

/*
 * An end ignores a RST out of its window, and goes on; who believed it is
 * silent. A second is more than a retransmission takes. But who is idle is
 * silent, too: in the middle of it the client is asked, whose answer is a
 * packet that goes on, and asks the server.
 */
#define KERNEL_CONN_DOUBT_MS 1000
#define KERNEL_CONN_ASK_MS 500

/* Both ends have sent FIN and an acknowledgement is missing: TIME_WAIT's 60 s.
 */
#define KERNEL_CONN_LAST_ACK_MS 60000

/* Of keepalive, at each sweep: as the relay's, 10 s apart. */
#define KERNEL_CONN_PROBES 3

/* A second round among servers that have refused it: as the relay's. */
#define KERNEL_CONN_ROUND_MS 1000

/* What its service wants of it. */
struct kernel_conn_rules {
	uint32_t connect_ms, queue_ms;
	uint32_t first_byte_ms; /* 0: the server hears of silent clients */
	uint32_t idle_ms, half_closed_ms, keepalive_ms; /* 0: no limit */
	uint32_t commit_ms; /* how long the peer's word is waited for */
	uint32_t retries;
};

/* What the program has seen of it, on this node. */
struct kernel_conn_seen {
	bool refused;     /* the server has refused the SYN */
	bool syn_ack;     /* the server has answered */
	bool established; /* the client has acknowledged that */
	bool spoken;      /* the client has sent a byte, or its end */
	bool fin_client, fin_server;
	bool fins_acked; /* both */
	/* One is not acknowledged: its sender may be somebody else. */
	bool fin_unheard;
	bool server_first; /* TIME_WAIT is at the server */
	bool rst; /* the last packet of an end was one; void before a claim */
	bool
	    answered; /* the client has sent more, since it was asked if ever */
	struct mono last; /* packet; long ago where there was none */
};

struct kernel_conn_event {
	enum kernel_conn_type type;
	bool mine;           /* this node owns the address */
	struct mono claimed; /* since when */
	bool same;           /* of SYN: its number is that of the one before */
	uint16_t server;
	enum pool_choice wants;
	enum end_reason reason;
	struct kernel_conn_seen seen;
};

struct kernel_conn {
	enum kernel_conn_state state; /* written only by enter() */
	bool placed;    /* it has a port, and a place at a server */
	bool written;   /* its entries are in the maps */
	bool inherited; /* part of its life was on the other node */
	uint8_t attempts, probes, n_tried;
	uint16_t tried[SERVER_CHOICE_TRIED]; /* servers, in vain */
	enum pool_choice wants;              /* while it is HELD */
	enum end_reason failure;             /* of the last attempt */
	struct mono deadline;                /* never: it is free */
	struct mono since;                   /* it is in this state */
	struct mono waits_until;             /* never: it has not waited yet */
};

struct kernel_conn_out {
	enum kernel_conn_action actions[KERNEL_CONN_ACTIONS_MAX]; /* in order */
	unsigned n_actions;
	enum end_reason reason; /* of KERNEL_CONN_END */
	bool quarantine;        /* of the port that it leaves */
};

/* The empty value. */
struct kernel_conn kernel_conn_free(void);

/*
 * One step. Every (state, event) pair has an answer; the uninteresting ones are
 * ignored by name. What KERNEL_CONN_LEAVE and KERNEL_CONN_DROP give back is
 * what `before` has.
 */
MUST_CHECK struct kernel_conn kernel_conn_step(const struct kernel_conn *before,
    const struct kernel_conn_event *ev, const struct kernel_conn_rules *rules,
    struct mono now, struct kernel_conn_out *ret_out);

const char *kernel_conn_state_name(enum kernel_conn_state state);

#pragma once

/*
 * The node: all that a failover process decides, as one value and one step. The
 * peer, each group's election and handover, what is at fault, and whether this
 * process itself was away for too long are put together here, and nowhere else.
 *
 * Pure: no clock, socket, allocation or log; no pointers, so it can be copied.
 * The shell turns what comes from sockets, the kernel and other processes into
 * events, and carries out effects (inbox.h). Simulation, model and fuzzer drive
 * the same function.
 */

#include "core/base.h"
#include "core/mono.h"
#include "core/rate.h"
#include "failover/election/election.h"
#include "failover/election/handover.h"
#include "failover/election/hello.h"
#include "failover/election/pause.h"
#include "failover/election/peer.h"
#include "failover/election/segment.h"

#define NODE_GROUPS_MAX HELLO_GROUPS_MAX
#define NODE_LINKS_MAX 5 /* the nodes' addresses, and their links */
#define NODE_SEGMENTS_MAX HELLO_INTERFACES_MAX
#define NODE_SEGMENT_PATHS_MAX 16 /* of all groups, where no link goes */
#define NODE_PATHS_MAX (NODE_LINKS_MAX + NODE_SEGMENT_PATHS_MAX)
#define NODE_EVERY NODE_GROUPS_MAX /* as an event's group: all of them */

/* The present, on a clock that stands still in a host's sleep and on one that
 * does not. */
struct node_now {
	struct mono mono, boot;
};

/* What forbids a group to serve; of several the first is told. */
enum node_cause {
	NODE_CAUSE_INTERFACE,
	NODE_CAUSE_ADDRESS,
	NODE_CAUSE_RELAY,
	NODE_CAUSE_STALLED,
	NODE_CAUSE_SEGMENT, /* it is cut off, and the peer is not */
};

#define NODE_CAUSES 5

struct node_fault {
	enum election_reason reason; /* ELECTION_UNCHANGED: there is none */
	unsigned which;              /* of several that it may mean */
};

enum node_type {
	NODE_RESTORE, /* what a failover that died said of a group: `restore` */
	NODE_BEGIN,   /* the groups are there: when the relay serves, begins */
	NODE_BEAT,    /* an interval has passed */
	NODE_TICK,    /* the time of node_wake() has come */
	NODE_CLOCK,   /* nothing has happened but time */
	NODE_STOP,    /* the daemon ends */
	NODE_HELLO,   /* with a good MAC: `hello` */
	NODE_PEER_ENDED, /* its kernel, or who forges that, says that they are
	                    gone */
	NODE_SOMEBODY,   /* was heard on a group's network: it is not deaf */
	NODE_LIVES,      /* who answers for a group's addresses does */
	NODE_CONTROL,    /* a neighbour has answered the same question */
	NODE_ASKABLE,    /* others than the peer are, or not: `askable` */
	NODE_SHOWN,      /* somebody on the LAN has an address: `shown` */
	NODE_FAULT,      /* or none: `fault` */
	NODE_TRACKED,    /* what is tracked makes of the node: `tracked` */
	NODE_LACKS,      /* addresses it could not hold: `lacks` */
	NODE_USABLE,     /* a group's addresses are there and usable, or not */
	NODE_LOST,       /* they are not where they should be */
	NODE_RELAY_CAME,
	NODE_RELAY_SERVES,
	NODE_RELAY_LEAVES,  /* it means to end */
	NODE_RELAY_GONE,    /* its channel has ended */
	NODE_RELAY_OVERDUE, /* it was waited for, long enough */
	NODE_MUTED,         /* the supervisor: nobody new is answered */
	NODE_NOT_MUTED,     /* that could not be done */
	NODE_ANSWERED,      /* they are, again */
	NODE_WAS_RESET,     /* the relay has reset all connections */
	NODE_CONNECTED,     /* the peer knows of more connections there */
	NODE_HAND_OVER,     /* somebody wants the group handed over */
	NODE_KEYS,          /* of ours, others: `keys` */
	NODE_LEVEL,  /* the peer knows all connections, or not: `level` */
	NODE_PAUSE,  /* moves are to wait, or no longer: `pause` */
	NODE_FAILED, /* an effect was refused: `failed` */
};

#define NODE_TYPES 33

enum node_effect_type {
	NODE_DO_START,     /* from now on we are heard, and hear */
	NODE_DO_SAY,       /* a hello, as things stand: node_speak() */
	NODE_DO_CHALLENGE, /* the same, to a stranger */
	NODE_DO_EXPECT,    /* the peer was started anew; `fresh` is used up */
	NODE_DO_PROBE,     /* ask the network who has the addresses */
	NODE_DO_QUESTION,  /* ask who answered what only a living host does */
	NODE_DO_ADD,       /* the addresses */
	NODE_DO_RENEW,     /* their leases, or add what is gone */
	NODE_DO_DELETE,
	NODE_DO_ANNOUNCE, /* begin anew; not where they could not be added */
	NODE_DO_END_ANNOUNCING,
	NODE_DO_TICKLE, /* who was connected to the peer is told */
	NODE_DO_TICKLE_LATE,
	NODE_DO_TICKLE_MORE, /* unless that is under way */
	NODE_DO_END_TICKLING,
	NODE_DO_HOLD, /* these seven: see handover.h */
	NODE_DO_FORWARD,
	NODE_DO_GIVE_BACK,
	NODE_DO_LET_GO,
	NODE_DO_MUTE,
	NODE_DO_ANSWER,
	NODE_DO_RESET,
	/* To be told, once all of the above is done: */
	NODE_TELL_STATE,     /* `change` */
	NODE_TELL_PRIORITY,  /* `priority` was, the election's is */
	NODE_TELL_HEARD,     /* the peer; `anew`: it has been started */
	NODE_TELL_ENDED,     /* the peer: it was asked, and did not answer */
	NODE_TELL_STALL,     /* we stood still for `ms` */
	NODE_TELL_PAUSE,     /* it is another, or over */
	NODE_TELL_BEGUN,     /* a handover */
	NODE_TELL_UNWILLING, /* the peer is preferred, but: `outcome` */
	NODE_TELL_REFUSED,   /* a handover that was wanted: `outcome` */
	NODE_TELL_OUTCOME,   /* of one that was begun: `outcome` */
};

struct node_event {
	enum node_type type;
	unsigned group; /* where it is about one, or NODE_EVERY */
	/* Of the group: where somebody was heard or shown, from 1; 0: unknown.
	 */
	unsigned segment;
	union {
		struct {
			bool master; /* and the addresses are still here */
			uint64_t term;
		} restore;
		struct {
			struct hello said;
			unsigned path;  /* NODE_PATHS_MAX: over the wire */
			uint64_t fresh; /* 64 random bits */
		} hello;
		struct {
			uint8_t mac[HELLO_MAC_BYTES]; /* zeros: unknown */
			bool own; /* the peer's own address, no virtual IP */
		} shown;
		struct {
			enum node_cause cause;
			/* ELECTION_RECOVERED: no longer. */
			enum election_reason reason;
			unsigned which;
		} fault;
		struct {
			uint32_t lowered; /* so much off the priority */
			uint8_t faults;   /* of what has no weight */
			enum election_reason reason; /* of the first */
			unsigned which;
		} tracked;
		uint32_t lacks; /* a bit each */
		bool usable;
		bool level;
		bool askable;
		uint64_t keys[HELLO_KEYS_MAX];
		struct {
			uint32_t epoch; /* of one that was kept; 0: a word of
			                   now */
			bool own;       /* of one that was kept */
			uint32_t ms;    /* 0: moves are resumed */
		} pause;
		struct {
			enum node_effect_type what;
			int error; /* -errno */
		} failed;
	};
};

struct node_change {
	enum election_state was, is;
	enum election_reason reason;
	uint32_t silent_ms;
	unsigned which;
	uint64_t term;
};

struct node_effect {
	enum node_effect_type type;
	unsigned group;
	union {
		struct node_change change;
		enum handover_outcome outcome;
		uint8_t priority;
		bool anew;
		int64_t ms;
	};
};

/* A group's most: an election's step, its handover's, and the telling. */
#define NODE_EFFECTS_MAX (NODE_GROUPS_MAX * 20 + 8)

struct node_out {
	unsigned n;
	struct node_effect effects[NODE_EFFECTS_MAX]; /* in this order */
};

struct node_group {
	uint32_t id; /* in hellos */
	struct election election;
	struct handover handover;
	struct node_fault faults[NODE_CAUSES];
	struct node_fault fault;            /* as the election was told */
	struct node_fault tracked;          /* which forbids nothing */
	uint32_t addresses, peer_addresses; /* ids of what the files have */
	bool peer_lacks_group;              /* its file does not have it */
	uint32_t lacks, peer_lacks;         /* addresses, a bit each */
	enum election_state peer_state;
	/*
	 * The peer's interfaces, in our order: by its own word, else as seen;
	 * zeros: unknown.
	 */
	uint8_t peer_macs[HELLO_INTERFACES_MAX][HELLO_MAC_BYTES];
	bool peer_near; /* its address is in a subnet of the group's */
	unsigned n_segments;
	struct segment segments[NODE_SEGMENTS_MAX];
	unsigned places[NODE_SEGMENTS_MAX]; /* of each, in hellos */
	bool peer_able;   /* by its word: serves, or would if we did not */
	bool peer_serves; /* by its word: has all the addresses, and keeps them
	                   */
	bool peer_deaf;   /* by its word: serves, and hears nobody there */
	struct mono idle; /* it was not master, by its word; never() */
	bool told;        /* by its word we are not there */
	bool untrue;      /* ... which has helped nobody: it does not count */
	struct mono yielded; /* cut off by its word, and it serves not; never()
	                      */
	struct mono mute;    /* ... and we hear it there, since; never() */
	struct mono cut_at;  /* we were cut off there, just now; never() */
	unsigned cut;        /* by which segment */
	bool misses_peer;    /* our word: it is not there, and others are */
	bool given;          /* added, and not deleted yet */
	bool usable;         /* all the addresses, the kernel says */
	bool answer_owed; /* the supervisor must hear that they are to answer */
	enum handover_outcome unwilling; /* as told of the election's wish */
	unsigned offers;                 /* in this reign, that were begun */
	struct mono offer_due;           /* not again before */
	bool behind; /* the peer does not know all connections yet */
	struct mono behind_until; /* ... and is not offered it; never() */
	struct mono wish_until; /* somebody wants it handed over when it does */
};

struct node_config {
	struct peer_config peer;
	uint16_t interval_ms;
	uint8_t misses;
	uint32_t patience_ms; /* a handover's, with a silent peer */
	/*
	 * The longest that a silent peer is believed, if it says that it is
	 * slow.
	 */
	uint32_t hang_ms;
	uint8_t config_hash[HELLO_CONFIG_BYTES];
	bool needs_relay; /* there are services */
};

struct node {
	struct node_config config;
	struct peer peer;
	struct peer_path paths[NODE_PATHS_MAX];
	struct hello said;                 /* the peer's last that was taken */
	struct rate words, boots, answers; /* of the peer: node_peer.c */
	struct node_now beaten;            /* the last hello */
	struct mono challenged;            /* the last stranger was */
	struct mono hinted;   /* never(), or when its end was told of */
	struct mono hint_due; /* asked again then; or it is believed */
	unsigned hint_asks;
	struct pause pause;
	bool paused;   /* it lasts, and the groups know */
	bool started;  /* we speak, and decide */
	bool stopping; /* on the way out: our hellos resign */
	bool relay_there, relay_serves, relay_leaves;
	uint32_t connections; /* the relay's, at virtual IPs: the shell's */
	unsigned n_groups;
	struct node_group groups[NODE_GROUPS_MAX];
};

/*
 * A peer that was heard so recently is asked, and waited for, even where the
 * settings call it silent sooner: held clients wait, and that costs them less
 * than a handover that is given up because a heartbeat was late.
 */
#define NODE_PATIENCE_MS 100

/*
 * The zeroed value knows of the relay alone, and this leaves that as it is.
 * `nonce`: 64 random bits.
 */
void node_init(
    struct node *n, const struct node_config *config, uint64_t nonce);

/* The next one: its election begins to listen now. */
void node_add_group(struct node *n, uint32_t id, bool peer_near,
    const struct election_config *config, struct mono now);

/* What its addresses are, as an id that the peer's file may have, too. */
void node_set_addresses(struct node *n, unsigned group, uint32_t id);

/*
 * The group added last has addresses on one more network: `path` is that of the
 * hellos that come over it, `place` the one it has in them, below
 * HELLO_INTERFACES_MAX.
 */
void node_add_segment(struct node *n, unsigned path, unsigned place);

/*
 * One step. Effects are to be carried out in their order, each if it is still
 * right (node_is_due); what is refused comes back as NODE_FAILED, later.
 */
void node_step(struct node *n, const struct node_event *ev,
    const struct node_now *now, struct node_out *ret_out);

/* When NODE_TICK is due. */
struct mono node_wake(const struct node *n);

/*
 * Our last hello is how the peer measures us: if that is long ago it may have
 * claimed, and what we believe is of the past. To be asked before anything is
 * believed, told or taken; then NODE_CLOCK comes first.
 */
bool node_is_late(const struct node *n, const struct node_now *now);

/* Not where a NODE_CLOCK in the midst of its step's effects has undone it. */
bool node_is_due(const struct node *n, const struct node_effect *e);

/*
 * What is to be said now; it counts as said. The hardware addresses are the
 * caller's to fill in.
 */
void node_speak(struct node *n, enum hello_type type,
    const struct node_now *now, struct hello *ret_hello);

/* How long the peer may be silent before it counts as gone. */
uint32_t node_dead_ms(const struct node *n);

/* As its hellos say: of its whole file, or of a group's addresses. */
bool node_has_same_config(const struct node *n);
bool node_has_same_addresses(const struct node *n, unsigned group);

bool node_is_master(const struct node *n, unsigned group);
/* Nothing forbids it to serve. */
bool node_is_well(const struct node *n, unsigned group);

/*
 * How long the process should still live to send on what neighbours send here
 * by mistake; 0: no reason to.
 */
uint32_t node_lingers_ms(const struct node *n, struct mono now);

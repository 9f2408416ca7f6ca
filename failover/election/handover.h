#pragma once

/*
 * Handover: how a group's addresses leave this node so that nobody who connects
 * finds nobody. Asked for, the peer takes the group before we let go; and
 * whatever makes the election let go while the relay lives, connections are
 * reset before the addresses are deleted.
 *
 *	IDLE                    BEGIN→      MUTING
 *	MUTING                  MUTED→      SETTLING
 *	SETTLING                20 ms→      ASKING
 *	ASKING (or any state)   RELEASE→    RELEASING
 *	RELEASING               WAS_RESET→  FORWARDING
 *	FORWARDING              1 s→        IDLE
 *
 *	given up: ANSWERING     ANSWERED→   IDLE
 *
 * From MUTING on, new clients get no answer from our listeners; their SYNs are
 * held (syn_hold.c), and given to the peer as soon as it serves. Until the peer
 * has claimed everything can be taken back: then our own listeners get them.
 *
 * Pure: no clock, socket, allocation or log. One per group, fed by
 * node_group.c. Who is master is the election's business: this asks for a
 * handover, the election says RELEASE.
 */

#include "core/base.h"
#include "core/mono.h"

enum handover_state {
	HANDOVER_IDLE,     /* nothing is under way */
	HANDOVER_MUTING,   /* the supervisor was told to answer no new client */
	HANDOVER_SETTLING, /* those it had answered get through */
	HANDOVER_ASKING,   /* the peer is asked to claim */
	HANDOVER_RELEASING,  /* the relay resets, then the addresses go */
	HANDOVER_FORWARDING, /* they are gone; stragglers are sent on */
	HANDOVER_ANSWERING,  /* given up: our listeners shall answer again */
};

#define HANDOVER_STATES 7

enum handover_type {
	HANDOVER_BEGIN,      /* somebody wants it, nothing speaks against it */
	HANDOVER_TICK,       /* the time that `wake` asked for has come */
	HANDOVER_MUTED,      /* no listener answers a new client any more */
	HANDOVER_NOT_MUTED,  /* that could not be done */
	HANDOVER_ANSWERED,   /* they answer again */
	HANDOVER_WAS_RESET,  /* the relay has reset all connections */
	HANDOVER_RELAY_GONE, /* it will not */
	HANDOVER_PEER,       /* how the peer stands: `peer` */
	HANDOVER_RELEASE,    /* the election lets the addresses go: `softly` */
	HANDOVER_CLAIM,      /* the election has claimed them (again) */
};

#define HANDOVER_TYPES 10

enum handover_action {
	HANDOVER_HOLD,      /* keep the SYNs to the addresses */
	HANDOVER_FORWARD,   /* send them to the peer, and what still comes */
	HANDOVER_GIVE_BACK, /* what is kept is for our listeners, after all */
	HANDOVER_LET_GO,    /* keep and send nothing any more */
	HANDOVER_MUTE,      /* the supervisor: answer no new client */
	HANDOVER_ANSWER,    /* the supervisor: answer them again */
	HANDOVER_RESET,     /* the relay: reset all connections */
	HANDOVER_ASK,       /* the election: ask the peer */
	HANDOVER_TAKE_BACK, /* the election: ask it no more */
	HANDOVER_DELETE,    /* the addresses, now */
};

#define HANDOVER_ACTIONS_MAX 6

/* How a handover that somebody wanted has ended, or why it can't begin. */
enum handover_outcome {
	HANDOVER_UNDECIDED, /* it has not */
	HANDOVER_DONE,      /* the peer serves */
	HANDOVER_NOT_MASTER,
	HANDOVER_NO_RELAY, /* it does not serve */
	HANDOVER_PEER_UNHEARD,
	HANDOVER_PEER_UNFIT,   /* neither backup nor about to be */
	HANDOVER_PEER_WORSE,   /* it would give it back: more ails it */
	HANDOVER_PEER_LACKS,   /* its file does not have the group */
	HANDOVER_PEER_DIFFERS, /* its file has other addresses in it */
	HANDOVER_PEER_BEHIND,  /* it would lose connections that live here */
	HANDOVER_MUTE_FAILED,
	HANDOVER_PEER_LOST,   /* while it went on */
	HANDOVER_PEER_MUTE,   /* it was asked, and did not claim */
	HANDOVER_PEER_UNSURE, /* it claimed, and never said that it serves */
	HANDOVER_LOST,        /* we ceased to be master some other way */
	HANDOVER_TAKEN_BACK,  /* the peer claimed, and let go at once */
};

/* A system call for each listener, by a process that is in no hurry. */
#define HANDOVER_MUTE_MS 100

/*
 * A client whose SYN was answered has finished its handshake in a round trip,
 * and its server has been reached in another.
 */
#define HANDOVER_SETTLE_MS 20

/* The peer claims on the next heartbeat that it hears. */
#define HANDOVER_ASK_MS 500

/*
 * Both nodes have the addresses while the relay resets its connections. For
 * each of those it takes some 30 us, in all of its threads together; this is
 * more, since others want their turn. Who is not reset by then is told by the
 * peer (tickle ACKs), later, and not at all behind a firewall that drops them.
 */
#define HANDOVER_RELEASE_MS 20
#define HANDOVER_RESET_US 60
#define HANDOVER_RELEASE_MOST_MS 500

/* Neighbours that missed the peer's first announcement hear the next. */
#define HANDOVER_FORWARD_MS 1000

/* The above; in a model shorter ones. */
struct handover_times {
	uint32_t mute_ms, settle_ms, ask_ms, release_ms, forward_ms;
};

struct handover_event {
	enum handover_type type;
	union {
		struct {
			bool softly; /* the relay is there, and waited for */
			uint32_t connections; /* that it has */
		} release;
		struct {
			bool sound;  /* fit to take the group, or has it */
			bool serves; /* it is master and has the addresses */
		} peer;
	};
};

struct handover_out {
	enum handover_action actions[HANDOVER_ACTIONS_MAX]; /* in this order */
	unsigned n_actions;
	enum handover_outcome outcome; /* told once, else UNDECIDED */
	struct mono wake;              /* send HANDOVER_TICK at this time */
};

struct handover {
	struct handover_times times;
	enum handover_state state; /* written only by enter() */
	struct mono deadline;      /* never() when idle */
	bool wanted;               /* somebody waits for the outcome */
	bool muted;                /* new clients get no answer here */
	bool served;               /* the peer has said that it serves */
};

/* What can be known before it begins. */
struct handover_view {
	bool master;
	bool relay; /* it serves */
	bool peer_heard, peer_backup;
	bool peer_lacks_group, peer_same_addresses; /* by its file */
	bool peer_worse; /* it is more ill than we are */
};

/* The empty value. */
struct handover handover_idle(void);

/* What speaks against beginning, or UNDECIDED: nothing does. */
enum handover_outcome handover_objection(const struct handover_view *v);

/*
 * One step. Every (state, event) pair has an answer; the uninteresting ones
 * are ignored by name.
 */
MUST_CHECK struct handover handover_step(const struct handover *before,
    const struct handover_event *ev, struct mono now,
    struct handover_out *ret_out);

const char *handover_state_name(enum handover_state state);

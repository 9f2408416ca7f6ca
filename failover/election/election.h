#pragma once

/*
 * Election: which node of the pair holds a group's virtual IPs.
 *
 * Pure: no clock, socket, allocation or log. The caller feeds it events and
 * the time, and carries out the actions it returns. Holds no pointers, so
 * tests copy it freely. One per group, owned by group.c; no threads.
 *
 * Able to serve goes before incumbent, incumbent before priority, priority
 * before the higher address; of two that are ill the less ill one serves
 * (illness.h). A peer that falls silent is doubted before its
 * addresses are claimed (suspect.h). A term rises with each claim, but says
 * nothing of what its maker could know: of two masters stays who is heard and
 * hears, then who has served longer without a break, being deaf is one; then
 * the higher term, then the rank (rank.h).
 */

#include "core/base.h"
#include "core/mono.h"
#include "failover/election/dispute.h"
#include "failover/election/suspect.h"

/* The numbers are on the wire (hello.c). */
enum election_state {
	ELECTION_INIT = 0,   /* listening before claiming anything */
	ELECTION_BACKUP = 1, /* a master is heard, or its silence is timed */
	ELECTION_MASTER = 2, /* we hold the virtual IPs */
	ELECTION_FAULT = 3,  /* not eligible, and holding nothing */
};

#define ELECTION_STATES 4

enum election_type {
	ELECTION_TICK,          /* the time that `wake` asked for has come */
	ELECTION_HEARTBEAT,     /* what the peer says, proven fresh */
	ELECTION_UNPROVEN,      /* the right key, but maybe of yesterday */
	ELECTION_TRACK_FAULT,   /* this node can't serve; `fault` says why */
	ELECTION_TRACK_OK,      /* it could, whatever else ails it */
	ELECTION_STALLED,       /* our own loop stood still for too long */
	ELECTION_ACTION_FAILED, /* an action of the last step was refused */
	ELECTION_STOP,          /* the daemon ends */
	ELECTION_RESTORE,       /* what a failover that died said of itself */
	ELECTION_ANSWER,        /* to our probes; `answer` */
	ELECTION_CONTRADICTED,  /* unasked, another host shows our address */
	ELECTION_PEER_ENDED,    /* its processes are gone, its kernel says so */
	ELECTION_PRIORITY,      /* what is tracked has changed ours */
	ELECTION_HANDOVER_BEGIN, /* ask the peer to take the group */
	ELECTION_HANDOVER_ABORT, /* it did not */
	ELECTION_ASKABLE, /* whether there is anybody besides the peer to ask */
	ELECTION_PAUSE,   /* moves are to wait, or no longer: `paused` */
	ELECTION_ILL,     /* what ails it has changed: `ill` */
};

#define ELECTION_TYPES 18

enum election_reason {
	ELECTION_UNCHANGED,   /* no change of state, nothing to tell */
	ELECTION_NO_PEER,     /* nobody heard since we listen */
	ELECTION_PEER_SILENT, /* `silent_ms` */
	ELECTION_PEER_IDLE,   /* heard, and preferred, but did not claim */
	ELECTION_PEER_RESIGNED,
	ELECTION_PEER_FAULT,
	ELECTION_PEER_MASTER,    /* it holds them, and is not outdone */
	ELECTION_PREFERRED,      /* neither held them; we rank higher */
	ELECTION_PEER_PREFERRED, /* neither held them; it ranks higher */
	ELECTION_OUTRANKED_TERM, /* two masters: it claimed later */
	ELECTION_OUTRANKED_RANK, /* two masters, one term: priority, address */
	ELECTION_OUTSERVED,      /* two masters: it has served longer */
	ELECTION_PEER_DEAF,      /* two masters: it can't hear that we win */
	ELECTION_CONTESTED,      /* stays master, though the peer claims too */
	ELECTION_UNCONTESTED,    /* stays master, and the peer gave in */
	ELECTION_INTERFACE_MISSING, /* tracked */
	ELECTION_INTERFACE_DOWN,    /* tracked */
	ELECTION_INTERFACE_CARRIER, /* tracked */
	ELECTION_RELAY_STARTING,    /* tracked */
	ELECTION_RELAY_GONE,        /* tracked */
	ELECTION_RELAY_STALLED,     /* tracked; `which` of its threads */
	ELECTION_TRACK_INTERFACE,   /* tracked; `which` of pair.track */
	ELECTION_TRACK_SERVICE,     /* tracked; the same */
	ELECTION_TRACK_SCRIPT,      /* tracked; the same */
	ELECTION_CUT_OFF, /* tracked; on an interface, `which` of the group's */
	ELECTION_RECOVERED, /* what was tracked is well again */
	ELECTION_LATE,      /* our own loop stood still */
	ELECTION_REFUSED,   /* the kernel refused an address */
	ELECTION_RETRY,     /* after ELECTION_REFUSED */
	ELECTION_STOPPED,
	ELECTION_RESTORED,
	ELECTION_PEER_DIED,     /* its processes ended, its host did not say */
	ELECTION_PEER_RELEASED, /* silent, and its host lives without them */
	ELECTION_PEER_HANGS,  /* stays: silent, but its host answers for them */
	ELECTION_PEER_RENEWS, /* stays: it does so beyond the lease, and lives
	                       */
	ELECTION_PEER_ECHO,   /* what answers for them is no living host */
	ELECTION_CONFLICT,    /* stays: a third host answers for an address */
	ELECTION_PEER_SHOWS,  /* stays master: so does a peer we cannot hear */
	ELECTION_ISOLATED,    /* nobody at all is heard */
	ELECTION_HANDED_OVER, /* the peer asked us to take it */
	ELECTION_GAVE_OVER,   /* the peer has taken it, as we asked */
	ELECTION_PAUSED,      /* stays: silent, but moves are paused */
	ELECTION_LAST_RESORT, /* at fault, but the peer is no better */
	ELECTION_OUTRANKED_WELL,  /* two masters: it is less ill */
	ELECTION_ADDRESS_MISSING, /* the host's own */
	ELECTION_DISPUTED, /* two masters: both claimed what nobody had */
};

#define ELECTION_REASONS 46

enum election_action {
	ELECTION_SEND_HELLO, /* tell the peer now, as we stand after the step */
	ELECTION_ADD_ADDRESSES,
	ELECTION_DEL_ADDRESSES,
	ELECTION_ANNOUNCE,  /* begin the gratuitous ARP schedule anew */
	ELECTION_PROBE,     /* ask the network who has the addresses */
	ELECTION_QUESTION,  /* ask what only a living host with them answers */
	ELECTION_HAND_OVER, /* begin a handover, as if an operator had asked */
};

#define ELECTION_ACTIONS_MAX 4

struct election_heartbeat {
	enum election_state state;
	bool resigning;   /* its daemon ends */
	bool hears_us;    /* what we send reached it lately */
	bool deaf;        /* it is master, and says that it hears nobody */
	bool here;        /* it came over the group's own network */
	bool hands_over;  /* it is master and asks us to take the group */
	uint8_t faults;   /* of what it tracks; in FAULT 0: it can't serve */
	uint8_t lacks;    /* so many addresses it could not hold */
	uint8_t priority; /* as what it tracks has made it */
	uint64_t term;
	uint32_t dead_ms;   /* its silence for so long means it is gone */
	uint32_t served_ms; /* it is master, for so long without a break */
};

struct election_event {
	enum election_type type;
	unsigned which; /* of several that `fault` may mean; handed on */
	union {
		struct election_heartbeat heartbeat;
		enum election_reason fault; /* of ELECTION_TRACK_FAULT */
		enum suspect_answer answer; /* of ELECTION_ANSWER */
		bool at_peer;               /* of ELECTION_CONTRADICTED */
		bool askable;               /* of ELECTION_ASKABLE */
		bool paused;                /* of ELECTION_PAUSE */
		uint32_t stalled_ms; /* of ELECTION_STALLED: our silence */
		uint8_t priority;    /* of ELECTION_PRIORITY, 1-254 */
		struct {
			uint8_t faults, lacks;
			enum election_reason reason; /* of the first fault */
		} ill;                               /* of ELECTION_ILL */
		struct {
			bool master; /* and the addresses are still here */
			uint64_t term;
		} restore;
	};
};

struct election_out {
	enum election_action actions[ELECTION_ACTIONS_MAX]; /* in this order */
	unsigned n_actions;
	enum election_reason reason;
	uint32_t silent_ms; /* valid with ELECTION_PEER_SILENT */
	unsigned which;     /* the event's */
	struct mono wake;   /* send ELECTION_TICK at this time */
};

/* More than that is not told: it makes no difference any more. */
#define ELECTION_SERVED_MAX_MS 600000

struct election_config {
	uint32_t dead_ms;   /* interval x misses, never 0 */
	uint32_t listen_ms; /* before the first claim, at least dead_ms */
	struct suspect_config doubt;
	uint8_t priority;
	bool wins_ties;            /* our address is the higher one */
	bool preempt;              /* who is preferred takes a group back */
	uint32_t preempt_delay_ms; /* once it has been well for so long */
};

struct election {
	struct election_config config;
	enum election_state state; /* written only by transition.c */
	struct mono deadline;      /* what it means depends on the state */
	struct mono listen_end;    /* INIT: unproven traffic waits no longer */
	struct mono heard;         /* the last heartbeat, never() if none */
	uint32_t heard_dead_ms;    /* what it said: who is silent so long is */
	struct mono serving;       /* MASTER: without a break, since */
	struct mono asked;         /* MASTER: whether anybody is heard, since */
	struct mono recovered;     /* somebody was heard, after long */
	enum suspect_answer recovered_by; /* ... who said that */
	struct mono contested;  /* MASTER: the peer claims too, since */
	bool contest_heard;     /* it hears us all that time, or never */
	struct mono better;     /* MASTER: the peer is preferred, since */
	struct mono defended;   /* MASTER: when we last contradicted */
	struct mono settled;    /* from then on what we read is new */
	struct suspect doubt;   /* the peer is silent: who has them? */
	struct dispute dispute; /* MASTER: somebody may have claimed, too */
	uint64_t term;          /* of our reign, else the latest known */
	uint64_t heard_term;    /* the latest the peer spoke of */
	uint32_t heard_illness; /* by its last heartbeat */
	uint8_t priority;       /* the configured one, less what is ill */
	uint8_t faults, lacks;  /* what ails us, and does not forbid */
	enum election_reason fault_reason; /* the first of those faults */
	unsigned fault_which;
	bool handing;      /* MASTER: we ask the peer to take it */
	bool deaf;         /* MASTER: nobody is heard */
	bool resigned;     /* the peer, by its last word */
	bool isolated;     /* FAULT: nobody is heard */
	bool stands_back;  /* FAULT: while the peer is less ill */
	bool faulted;      /* this node can't serve at all */
	bool stopped;      /* never claims again */
	bool paused;       /* silence moves nothing */
	bool waits;        /* INIT, BACKUP: it would have */
	bool peer_reigned; /* it was master by its last word */
};

/* The empty value: begins to listen now. */
struct election election_init(
    const struct election_config *config, struct mono now);

/* How long it has served without a break; 0: it is not master, or deaf. */
uint32_t election_served_ms(const struct election *e, struct mono now);

/*
 * One step. Every (state, event) pair has an answer; the uninteresting ones
 * are ignored by name, not by accident. The outcome of an action comes back as
 * a later event, never as a return value.
 */
MUST_CHECK struct election election_step(const struct election *before,
    const struct election_event *ev, struct mono now,
    struct election_out *ret_out);

/*
 * Terms run in a ring: of two that one is later that is less than half the ring
 * ahead. So there is none after which nobody could claim, whatever the peer
 * says.
 */
bool election_term_is_later(uint64_t a, uint64_t b);

/*
 * Whether a node that knew of `b`, and does not reign, goes on from `a`: it is
 * later, or so far off that one of the two was never made by claims.
 */
bool election_term_is_news(uint64_t a, uint64_t b);

const char *election_state_name(enum election_state state);
const char *election_action_name(enum election_action action);

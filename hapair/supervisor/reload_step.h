#pragma once

/*
 * A reload, step by step: which process is started, told and ended when, and
 * how far it can be given up. A new relay and a new failover get ready beside
 * the old ones. Then the old relay gives the new one all it has, and only when
 * that has everything is the old failover ended: up to there a new relay that
 * fails leaves the old ones as they were. From there on nothing is taken back;
 * what ends then is started again as at any other time, with the new file.
 *
 * Pure. reload.c carries the actions out, and tells what comes of them.
 */

#include "core/base.h"

enum reload_step_state {
	RELOAD_STEP_IDLE,
	RELOAD_STEP_PREPARING, /* both new ones are to say that they can */
	RELOAD_STEP_TAKING,    /* the new relay takes over from the old one */
	RELOAD_STEP_SWITCHING, /* the old failover was killed, is not gone */
	RELOAD_STEP_BEGINNING, /* the new failover goes on from there */
};

enum reload_step_event {
	RELOAD_STEP_BEGIN,           /* a file has been read, and is fine */
	RELOAD_STEP_RELAY_READY,     /* the new one */
	RELOAD_STEP_FAILOVER_LOADED, /* the new one, which waits */
	RELOAD_STEP_FAILOVER_READY,  /* the new one, which works */
	RELOAD_STEP_MOVES_ACTIVE,    /* the old one, which is to give */
	RELOAD_STEP_TAKING_ON,       /* the new relay has some more */
	RELOAD_STEP_TAKEN,           /* the new relay has everything */
	RELOAD_STEP_RELAY_ENDED,     /* the new one */
	RELOAD_STEP_FAILOVER_ENDED,  /* the new one */
	RELOAD_STEP_OLD_RELAY_ENDED, /* before the new one has everything */
	RELOAD_STEP_OLD_FAILOVER_ENDED,
	RELOAD_STEP_OVERDUE, /* the time of `patience_ms` is over */
	RELOAD_STEP_STOP,    /* the daemon is to end */
	RELOAD_STEP_EVENTS,
};

enum reload_step_action {
	RELOAD_STEP_START,         /* both new ones */
	RELOAD_STEP_GIVE,          /* introduce the relays to each other */
	RELOAD_STEP_ADOPT,         /* the new file and relay are what runs */
	RELOAD_STEP_KILL_FAILOVER, /* the old one; its addresses stay */
	RELOAD_STEP_GO_ON,         /* the new failover, with its state */
	RELOAD_STEP_DISCARD,       /* the new ones, and what was opened */
	RELOAD_STEP_TELL_DONE,
	/* Done, but the new failover is not ready: the end, or it goes on. */
	RELOAD_STEP_TELL_LATE,
	RELOAD_STEP_TELL_FAILED, /* and why */
};

#define RELOAD_STEP_ACTIONS_MAX 3

enum reload_step_fault {
	RELOAD_STEP_WELL,
	RELOAD_STEP_FAULT_RELAY,    /* the new relay ended */
	RELOAD_STEP_FAULT_FAILOVER, /* the new failover ended */
	RELOAD_STEP_FAULT_READY,    /* not all were ready in time */
	RELOAD_STEP_FAULT_TAKEN,    /* not all was taken over in time */
	RELOAD_STEP_FAULT_STOP,     /* the daemon ends */
	RELOAD_STEP_FAULT_ACTIVE,   /* a fence or promote is under way */
};

/* Zeros: idle. */
struct reload_step {
	enum reload_step_state state;
	bool relay_ready, failover_loaded, failover_ready; /* the new ones */
	bool told; /* late, and the rest is nobody's to wait for */
};

struct reload_step_out {
	enum reload_step_action actions[RELOAD_STEP_ACTIONS_MAX]; /* in order */
	unsigned n_actions;
	enum reload_step_fault fault; /* of RELOAD_STEP_TELL_FAILED */
	uint32_t patience_ms; /* of the state; 0: for as long as it takes */
};

/*
 * Every event has an answer in every state; where nothing is asked of the
 * caller the state is the same and `n_actions` 0.
 */
MUST_CHECK struct reload_step reload_step_do(const struct reload_step *before,
    enum reload_step_event event, struct reload_step_out *ret_out);

/*
 * The daemon ends later, once this has been told: what has gone to the new
 * relay would end with it, and its addresses are the new failover's to delete.
 */
bool reload_step_delays_stop(const struct reload_step *r);

/* A clause: "the new relay ended before it had taken over". */
const char *reload_step_fault_text(enum reload_step_fault fault);

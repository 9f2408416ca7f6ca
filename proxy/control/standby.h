#pragma once

/*
 * Standby: which of several hosts is the active one of a standby service, or of
 * a group of them, and when another takes over.
 *
 * Pure: no clock, socket, allocation or log. The caller feeds it what it sees
 * and the time, and carries out what it asks for. It holds no pointers, so
 * tests copy it freely. One for each service or group, on both nodes; only one
 * of them decides, the other follows what was agreed on (core/accord.h).
 *
 * The rules: the active one stays active. It is given up when it was not fit
 * for `hold`, and then the next fit one takes over, in the order of the file
 * and round again; before that the fence must have succeeded, if there is one.
 * Nobody comes back by being fit again, unless `failback` says so. Where the
 * servers know of each other and say who of them is active, that one is
 * followed at once. That they do is seen by one that says it is standby: a
 * catalogd that knows of no other always calls itself active.
 */

#include "core/base.h"
#include "core/mono.h"

#define STANDBY_HOSTS_MAX 16

/* After a fence that failed, until it is tried again. */
#define STANDBY_RETRY_MS 30000

enum standby_fitness {
	STANDBY_UNKNOWN, /* its first checks have not ended */
	STANDBY_FIT,
	STANDBY_UNFIT,
	STANDBY_PARKED, /* an operator lets it have nothing new */
	STANDBY_OUT,    /* an operator has taken it out: no need to hold */
};

/* What its servers say of themselves. */
enum standby_claim {
	STANDBY_CLAIMS_NOTHING,
	STANDBY_CLAIMS_ACTIVE,
	STANDBY_CLAIMS_STANDBY,
};

struct standby_host {
	enum standby_fitness fitness;
	enum standby_claim claim;
};

/* From the configuration. */
struct standby_rules {
	unsigned n_hosts; /* 2 or more */
	uint32_t hold_ms;
	bool failback, fences;
};

enum standby_phase {
	STANDBY_FOLLOWS, /* the peer decides */
	STANDBY_STEADY,
	STANDBY_FENCING, /* `target` shall take over, once the fence is done */
	STANDBY_BLOCKED, /* somebody should take over, and can't: `trouble` */
};

enum standby_trouble {
	STANDBY_NO_TROUBLE,
	STANDBY_NOBODY_FIT,
	STANDBY_FENCE_FAILED,
};

/* Why somebody takes over. */
enum standby_reason {
	STANDBY_NO_REASON,
	STANDBY_HAS_FAILED, /* the active one, for `hold` */
	STANDBY_TAKEN_OUT,  /* likewise, by an operator */
	STANDBY_SAYS_SO,    /* the one that takes over */
	STANDBY_FAILS_BACK,
	STANDBY_TOLD, /* by an operator */
};

struct standby {
	unsigned active;
	uint64_t epoch; /* of the present choice; 0: of the file */
	bool paired;    /* the servers know of each other */
	enum standby_phase phase;
	enum standby_trouble trouble;
	enum standby_reason reason; /* of STANDBY_FENCING */
	unsigned target;            /* likewise */
	struct mono retry;          /* of STANDBY_BLOCKED: not before */
	struct standby_host hosts[STANDBY_HOSTS_MAX]; /* when last looked */
	struct mono since[STANDBY_HOSTS_MAX];         /* it is fit, or is not */
};

enum standby_event_type {
	STANDBY_LOOK,   /* something may be another, or it is time */
	STANDBY_FENCED, /* the fence has ended */
	STANDBY_ASKED,  /* an operator wants `host` to be active */
	STANDBY_AGREED, /* the peer has made `host` active */
};

struct standby_event {
	enum standby_event_type type;
	bool decides; /* of STANDBY_LOOK: this node, now */
	struct standby_host hosts[STANDBY_HOSTS_MAX]; /* likewise */
	bool passed;                                  /* of STANDBY_FENCED */
	unsigned host;  /* of STANDBY_ASKED, STANDBY_AGREED */
	uint64_t epoch; /* of STANDBY_AGREED */
};

enum standby_action {
	STANDBY_DO_NOTHING,
	STANDBY_FENCE,  /* run it, then tell by STANDBY_FENCED */
	STANDBY_SWITCH, /* `to` is active now: agree on it, then promote */
};

struct standby_out {
	enum standby_action action;
	unsigned from, to;
	enum standby_reason reason;
	const char *refusal; /* of STANDBY_ASKED: why not; NULL: it is done */
	struct mono wake;    /* look again at this time */
};

/* At first the first host is active, as the file says. */
struct standby standby_init(struct mono now);

MUST_CHECK struct standby standby_step(const struct standby *before,
    const struct standby_rules *rules, const struct standby_event *ev,
    struct mono now, struct standby_out *ret_out);

/* For people. */
const char *standby_phase_name(enum standby_phase phase);
const char *standby_reason_text(enum standby_reason reason);
const char *standby_trouble_text(enum standby_trouble trouble);

#pragma once

/*
 * What the peer is believed to know, and what it is believed. A connection is
 * protected once the peer, who would take its address over, has confirmed that
 * it is in its maps; and not before all that was there already is.
 *
 * Each group of addresses has an owner, by the election, at a term. The node
 * that does not own a group is told all of its connections, whenever there is a
 * new stream or a new owner, and every change behind them:
 *
 *	IDLE      CLAIM→     ALONE       the peer is not there
 *	ALONE     LINK_UP→   DUMPING     all that there is, and what is new
 *	DUMPING   DUMPED→    PROVING     FINISH is sent
 *	PROVING   ACKED→     LIVE        new connections wait for its word
 *	LIVE      LATE→      LAGGING     nobody waits, until it has got so far
 *
 *	LINK_DOWN→ ALONE     REFUSED by a later term→ DISPUTED    RELEASE→ IDLE
 *
 * Pure: no clock, socket, allocation or log. A value. One a node, fed by
 * director_node.c.
 */

#include "core/base.h"

/* As many as a configuration may have. */
#define REPLICA_GROUPS 16

enum replica_state {
	REPLICA_IDLE,  /* this node does not own it */
	REPLICA_ALONE, /* it does, and the peer is not there, or owns it, too */
	REPLICA_DUMPING,  /* the peer is told of them */
	REPLICA_PROVING,  /* it was; its confirmation is on the way */
	REPLICA_LIVE,     /* what is new waits until the peer knows of it */
	REPLICA_LAGGING,  /* the peer is too slow to be waited for */
	REPLICA_DISPUTED, /* the peer knows of an owner of a later term */
};

#define REPLICA_STATES 7

enum replica_type {
	REPLICA_CLAIM,     /* this node owns it now: `term` */
	REPLICA_RELEASE,   /* it does not any more */
	REPLICA_LINK_UP,   /* the peer has said hello on a new stream */
	REPLICA_LINK_DOWN, /* that has ended, or its other end is dead */
	REPLICA_WANTED,    /* the peer has missed it, and asks */
	REPLICA_DUMPED,    /* it has all; `seq` of FINISH */
	REPLICA_ACKED,     /* the peer has confirmed */
	REPLICA_REFUSED,   /* what began with `seq`: it knows of `term` */
	REPLICA_LATE,      /* somebody has waited for too long */
};

#define REPLICA_TYPES 9

enum replica_action {
	REPLICA_BEGIN,  /* say so, then begin to tell of all connections */
	REPLICA_WANT,   /* ask the peer for all */
	REPLICA_COMMIT, /* who waits for the peer waits no more */
	REPLICA_REJECT, /* who waits asks the other owner; nothing is withheld
	                 */
};

#define REPLICA_ACTIONS_MAX 2

/* Why connections are not protected, in an operator's words. */
enum replica_why {
	REPLICA_WHY_NOT, /* they are, or will be with the next word */
	REPLICA_WHY_SINGLE,
	REPLICA_WHY_NO_LINK,
	REPLICA_WHY_SPLIT, /* the peer owns it, too, and takes nothing */
	REPLICA_WHY_DUMP,
	REPLICA_WHY_LAGS,
	REPLICA_WHY_DISPUTED,
};

struct replica_event {
	enum replica_type type;
	uint64_t term, seq;
};

struct replica_group {
	enum replica_state state; /* written only by enter() */
	uint64_t term;            /* own, or the highest that is known */
	uint64_t first_seq;       /* of BEGIN: lower ones are void */
	uint64_t finish_seq;      /* of FINISH, or the last when it was late */
	bool believed; /* the peer has said BEGIN, and owns it for us, too */
	bool missed;   /* it has, and we owned it: to be asked for later */
	bool refused;  /* we said so, about this BEGIN */
	uint64_t heard_begin; /* the peer's number of it */
};

struct replica {
	bool paired; /* there is a peer, by the configuration */
	bool linked;
	uint64_t next_seq; /* that is sent; from 1, never again from 1 */
	uint64_t acked;    /* all up to this one */
	uint64_t heard;    /* the peer's last; 0: none of this stream */
	uint64_t heard_told;
	unsigned n_groups;
	struct replica_group groups[REPLICA_GROUPS];
};

struct replica_out {
	enum replica_action actions[REPLICA_ACTIONS_MAX]; /* in this order */
	unsigned n_actions;
};

void replica_init(struct replica *r, bool paired, unsigned n_groups);

/* One step of a group. Every (state, event) pair has an answer. */
void replica_step(struct replica *r, unsigned group,
    const struct replica_event *ev, struct replica_out *ret_out);

bool replica_is_mine(const struct replica *r, unsigned group);
/* And nobody says that somebody else does: what comes due is acted upon. */
bool replica_decides(const struct replica *r, unsigned group);

/* What is new is told to the peer. */
bool replica_tells(const struct replica *r, unsigned group);
/* And waits for its word. */
bool replica_waits(const struct replica *r, unsigned group);
/* The number of the next thing that is told. */
uint64_t replica_number(struct replica *r);

/* It was told under this number on this stream; or confirmed. 0: never. */
bool replica_is_told(const struct replica *r, unsigned group, uint64_t seq);
bool replica_is_protected(
    const struct replica *r, unsigned group, uint64_t seq);

/*
 * The peer confirms all up to this number. False: that was never sent, and the
 * peer is out of its mind.
 */
MUST_CHECK bool replica_ack(struct replica *r, uint64_t seq);

/*
 * The peer owns a group, it says, and tells of all. Believed unless this node
 * owns it, or knows of a later term; then from here on until something changes.
 */
MUST_CHECK bool replica_hear_begin(
    struct replica *r, unsigned group, uint64_t term, uint64_t seq);
bool replica_believes(const struct replica *r, unsigned group);
/* What is not believed is refused once for each BEGIN. False: it was. */
MUST_CHECK bool replica_refuse(struct replica *r, unsigned group);

/* The election knows of an owner, wherever, at this term. */
void replica_know(struct replica *r, unsigned group, uint64_t term);

enum replica_why replica_why(const struct replica *r, unsigned group);

const char *replica_state_name(enum replica_state state);

#pragma once

/*
 * The changes an election goes through, one function each; election.c says
 * when. All of them go through transition_enter(), the one place where the
 * state is written, and so the one that decides in which order the world learns
 * of it.
 *
 * Pure. Of election.c, and what it is made of (rank.c, reign.c).
 */

#include "failover/election/election.h"

/*
 * Traffic with the right key that nobody proved fresh is either our peer, one
 * round trip before the proof, or a recording. It makes us listen longer, but
 * no recording makes us listen for ever.
 */
#define TRANSITION_LISTEN_LIMIT_MS 3000

/* Who is cut off, or newly master of a silent peer, asks who is there. */
#define TRANSITION_ASK_MS 200

/* Adds an action to what the step asks of the shell. */
void transition_ask(struct election_out *out, enum election_action action);

/* What a heartbeat says of the peer, whatever our state is. */
void transition_note(
    struct election *e, const struct election_heartbeat *h, struct mono now);

/*
 * How long the peer may be silent, in ms: by our file, or by what it said where
 * its heartbeat is slower.
 */
uint32_t transition_dead_ms(const struct election *e);

/* No doubt, until then. */
void transition_believe(struct election *e, struct mono until);

/* `deadline`: when the state is looked at again, whatever that means in it. */
void transition_enter(struct election *e, enum election_state to,
    struct mono deadline, enum election_reason reason,
    struct election_out *out);

/* INIT: listens before it claims anything. */
void transition_listen(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out);

/* MASTER, in a new term. */
void transition_claim(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out);

/*
 * The same, where no living host has answered for them. Who does not understand
 * us, and asked as we did, may have claimed in the same moment.
 */
void transition_take(struct election *e, struct mono now,
    enum election_reason reason, struct election_out *out);

/* BACKUP of whoever sent this heartbeat. */
void transition_follow(struct election *e, const struct election_heartbeat *h,
    struct mono now, enum election_reason reason, struct election_out *out);

/* FAULT, for each of its causes. */
void transition_fail(
    struct election *e, enum election_reason reason, struct election_out *out);
void transition_isolate(
    struct election *e, struct mono now, struct election_out *out);
void transition_stop(struct election *e, struct election_out *out);

/* FAULT, until `until` or until the peer is no better than we are. */
void transition_stand_back(
    struct election *e, struct mono until, struct election_out *out);

/* What is heard so soon after a stall, or a fault, may be old. */
bool transition_is_settling(const struct election *e, struct mono now);

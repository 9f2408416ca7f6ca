#pragma once

/*
 * The giver: a group's handover in the shell. Feeds its machine (handover.c),
 * carries out what that asks for, and holds the seam (seam.c). All ways by
 * which addresses leave this node lead through here.
 */

#include "core/base.h"
#include "core/msg.h"
#include "failover/handover.h"
#include "failover/role.h"

/* Empty, before giver_open(). */
void giver_init(struct role *role);

/* Needs CAP_NET_RAW. Returns 0 or -errno. */
MUST_CHECK int giver_open(struct role *role);
void giver_start(struct role *role);
void giver_close(struct role *role);

void giver_init_group(struct role_group *g);

/*
 * Somebody wants the group handed over. Returns what speaks against it, or
 * UNDECIDED: then errand_settle() tells later.
 */
enum handover_outcome giver_begin(struct role_group *g);

/* The election wants it (ELECTION_HAND_OVER). */
void giver_offer(struct role_group *g);

/* The election lets go of the addresses (ELECTION_DEL_ADDRESSES), has claimed
 * them (ELECTION_ADD_ADDRESSES). */
void giver_release(struct role_group *g);
void giver_claim(struct role_group *g);

/* A heartbeat of the peer was settled; `held`: it has the addresses. */
void giver_heard(struct role_group *g, bool held);

/* Once an interval, and when the peer has died: it may be silent, a word may be
 * owed. */
void giver_look(struct role *role);

/* What the supervisor and the relay say, or that the relay is gone. */
void giver_take_hush(struct role *role, const struct msg_hush *m);
void giver_take_drop(struct role *role, const struct msg_drop *m);
void giver_lose_relay(struct role *role);

/*
 * How long the process should still live to send on what neighbours send here
 * by mistake; 0: no reason to.
 */
uint32_t giver_lingers_ms(const struct role *role);

/* The process ends: what is on its way out goes now. */
void giver_finish(struct role *role);

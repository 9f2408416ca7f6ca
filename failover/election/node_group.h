#pragma once

/*
 * One group in the node's step: its election and its handover, each stepped on
 * its own and never within itself, and what each asks of the other and of the
 * shell.
 *
 * Pure. Of node.c alone.
 */

#include "failover/election/node.h"

/* A step of the node that is being made. */
struct node_group_step {
	struct node *node;
	struct mono now;
	struct node_out *out;
	bool electing; /* within the step of an election */
	/* Groups that it claimed, and whose addresses are not here yet. */
	uint32_t claimed;
};

void node_group_do(
    struct node_group_step *s, enum node_effect_type type, unsigned group);
void node_group_add(
    struct node_group_step *s, const struct node_effect *effect);

void node_group_elect(
    struct node_group_step *s, unsigned group, const struct election_event *ev);
void node_group_hand(
    struct node_group_step *s, unsigned group, const struct handover_event *ev);

/* The same, where there is nothing to say but the type. */
void node_group_elect_type(
    struct node_group_step *s, unsigned group, enum election_type type);
void node_group_hand_type(
    struct node_group_step *s, unsigned group, enum handover_type type);

/* The election hears of the first of all faults, whenever that is another. */
void node_group_fault(struct node_group_step *s, unsigned group,
    enum node_cause cause, enum election_reason reason, unsigned which);

/* The first that counts now, or the empty value. */
struct node_fault node_group_fault_of(const struct node *n, unsigned group);

/* What counts may be another now, without a new fault. */
void node_group_judge(struct node_group_step *s, unsigned group);

/* What ails it, and forbids nothing: the election hears of it. */
void node_group_ail(struct node_group_step *s, unsigned group,
    struct node_fault tracked, uint8_t faults, uint32_t lacks);

/* How the peer stands, where a handover waits for that. */
void node_group_meet(struct node_group_step *s, unsigned group, bool held);

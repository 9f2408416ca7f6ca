#pragma once

/*
 * A state of the modelled pair, and all that were seen: two nodes, each with an
 * inbox, and what is around them. A state is packed into few bytes, of which
 * equal ones mean states that go on in the same way.
 */

#include "core/base.h"
#include "failover/inbox.h"

#include <uthash.h>

#define MODEL_STATE_STEP_MS 5
#define MODEL_STATE_LEASE 10   /* steps: an address that nobody renews */
#define MODEL_STATE_KEPT_MAX 3 /* from a doubt's first probe to its end */
#define MODEL_STATE_BUDGET 2
/* Two lost, one late; and the step in which it is read. */
#define MODEL_STATE_BOTH 5
/* And while the relay resets what is connected. */
#define MODEL_STATE_RELEASE 3
/* A node that has just begun listens, and doubts, and may be wrong once. */
#define MODEL_STATE_NONE 30
/* All its waits, and a step for each word. */
#define MODEL_STATE_MUTED 14

#define MODEL_STATE_BYTES 160

struct model_host {
	unsigned index;
	bool running, dead; /* not running, and not dead: it stands still */
	bool held;
	bool muted, holds_clients;
	bool word_mute, word_dropped; /* are on their way */
	bool challenges;
	uint8_t muted_steps;
	uint8_t kept; /* steps that it has held them */
	uint8_t idle; /* steps since it last ran */
	uint8_t lost; /* heartbeats in a row, on the way to it */
	struct hello
	    late; /* on the way to it, for the next step; type 0: none */
	struct hello said; /* in this step */
};

struct model_state {
	struct model_host hosts[2];
	bool parted;
	uint8_t budget;
	uint8_t whole;     /* steps since the network has healed, up to BOTH */
	uint8_t none;      /* steps with no holder */
	int8_t over;       /* steps with two */
	const char *wrong; /* what a claim of this step broke, or NULL */
};

struct model_state_seen {
	UT_hash_handle hh;
	struct model_state_seen *next;       /* in the queue */
	const struct model_state_seen *from; /* for the story of a failure */
	uint8_t budget;
	uint8_t key[];
};

/* The two nodes of the state that is at hand. */
struct inbox *model_state_inbox(unsigned i);
struct node *model_state_node(unsigned i);

/* Both are started, nothing has happened. */
void model_state_begin(struct model_state *s, const struct inbox_calls *calls);

/* A new process, which the peer does not know. */
void model_state_start(struct model_state *s, unsigned i);

/* A step of time passes. */
void model_state_age(struct model_state *s);

/* Keeps it, to be explored, unless it was seen. */
void model_state_add(
    struct model_state *s, const struct model_state_seen *from);
/* Breadth first: what goes wrong is told by its shortest story. */
const struct model_state_seen *model_state_next(void);
/* The newest first instead: that something goes wrong is found far sooner. */
void model_state_go_deep(void);
unsigned model_state_count(void);

void model_state_unpack(
    const struct model_state_seen *seen, struct model_state *s);

/* What was unpacked is needed again: the same, but faster. */
void model_state_keep(const struct model_state *s);
void model_state_restore(struct model_state *s);

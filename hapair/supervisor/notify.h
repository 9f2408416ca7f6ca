#pragma once

/*
 * The operator's `notify` program, run as PATH GROUP STATE REASON ADDRESSES
 * PEER run|stop after each change of a group's state: in order, one at a time,
 * and never waited for by whoever changes. A bounded queue: when programs are
 * slower than changes, the oldest calls are left out, and that is said. Owned
 * by supervisor.c.
 */

#include "core/program.h"

#include "config/config.h"
#include "core/msg.h"

#include <limits.h>

#define NOTIFY_QUEUE_MAX 64

/* What does not fit is left out, whole addresses of it. */
#define NOTIFY_ADDRESSES_MAX 1024

struct notify_call {
	char group[CONFIG_NAME_MAX];
	enum msg_group_state state;
	char reason[MSG_TEXT_MAX];
	char addresses[NOTIFY_ADDRESSES_MAX]; /* "ADDRESS/PREFIX,..." */
	char peer[CONFIG_NAME_MAX];
	bool stops; /* this node is being stopped */
};

struct notify {
	const struct config_pair *pair; /* borrowed; NULL: nothing to run */
	int node;   /* this one, in the pair; CONFIG_NO_NODE: not said */
	bool stops; /* from now on the node is being stopped */
	uint32_t timeout_ms;
	struct program program;
	struct notify_call running;
	char path[PATH_MAX]; /* of what runs: the file may be another by now */
	struct notify_call queue[NOTIFY_QUEUE_MAX];
	unsigned first, n; /* of the queue, which is a ring */
	uint64_t dropped;
	/* How each group stood at its last call; init, before the first. */
	enum msg_group_state last[CONFIG_GROUPS_MAX];
	void (*on_idle)(void *arg); /* the last call has ended */
	void *arg;
};

void notify_init(struct notify *n, const struct config *config,
    void (*on_idle)(void *arg), void *arg);

/* How a group stands; a call where its state is another than before. */
void notify_tell(struct notify *n, const struct msg_group *m);

/*
 * Another configuration, with its groups as they stand, in its order. What
 * waits is still told.
 */
void notify_follow(struct notify *n, const struct config *config,
    const struct msg_group *groups, const bool *known);

/* Nothing runs or waits. */
bool notify_is_idle(const struct notify *n);

/* What runs goes on without us. */
void notify_fini(struct notify *n);

#pragma once

/*
 * The operator's `notify` program, run as PATH GROUP STATE REASON after each
 * change of a group's state: in order, one at a time, and never waited for by
 * whoever changes. A bounded queue: when programs are slower than changes, the
 * oldest calls are left out, and that is said. Owned by supervisor.c.
 */

#include "core/program.h"

#include "config/config.h"
#include "core/msg.h"

#define NOTIFY_QUEUE_MAX 64

struct notify_call {
	uint16_t group;
	enum msg_group_state state;
	char reason[MSG_TEXT_MAX];
};

struct notify {
	const struct config_pair *pair; /* borrowed; NULL: nothing to run */
	uint32_t timeout_ms;
	struct program program;
	struct notify_call running;
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

/* Nothing runs or waits. */
bool notify_is_idle(const struct notify *n);

/* What runs goes on without us. */
void notify_fini(struct notify *n);

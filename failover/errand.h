#pragma once

/*
 * An errand: somebody wants groups handed over, and is answered once, when the
 * outcome of each is known: the operator on a control socket, the supervisor
 * (which is about to stop) on its channel. One at a time, embedded in the role.
 */

#include "config/config.h"
#include "core/base.h"
#include "failover/node.h"

struct role;
struct role_group;

struct errand {
	int socket;       /* of the operator, -1: none waits */
	bool supervisor;  /* it waits */
	unsigned asked;   /* a bit for each group that it is about */
	unsigned pending; /* and whose outcome is not known yet */
	enum handover_outcome outcomes[CONFIG_GROUPS_MAX];
};

/* The empty value. */
struct errand errand_none(void);
void errand_close(struct errand *e);

bool errand_is_under_way(const struct errand *e);

/*
 * What an operator asks for: `request` is the line of the control socket,
 * "handover" or "handover GROUP". Takes the socket and answers on it.
 */
void errand_ask(struct role *role, const char *request, int *socket);

/* Every group we are master of; then HANDED_OVER to the supervisor. */
void errand_ask_all(struct role *role);

/*
 * What the node tells of one group's handover, whoever wanted it: a refusal,
 * its outcome, or why it will not be offered (NODE_TELL_REFUSED, _OUTCOME,
 * _UNWILLING).
 */
void errand_tell(struct role_group *g, enum node_effect_type what,
    enum handover_outcome outcome);

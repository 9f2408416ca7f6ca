#pragma once

/*
 * Somebody wants groups handed over, and is answered once, when the outcome of
 * each is known: the operator on a control socket, the supervisor (which is
 * about to stop) on its channel. One at a time.
 */

#include "core/base.h"
#include "failover/election/node.h"

struct role;
struct role_group;

/* Returns 0 or -errno. */
MUST_CHECK int handover_request_new(struct role *role);
void handover_request_free(struct role *role);

/*
 * What an operator asks for: `request` is the line of the control socket,
 * "handover" or "handover GROUP". Takes the socket and answers on it.
 */
void handover_request_ask(struct role *role, const char *request, int *socket);

/*
 * The groups that a line of VERB, or VERB GROUP, is about, a bit each. False:
 * none can be asked for now, and that has been answered.
 */
MUST_CHECK bool handover_request_parse(struct role *role, const char *request,
    const char *verb, int *socket, unsigned *ret_mask);

/* A sentence about a group's handover. */
#define HANDOVER_REQUEST_TEXT_MAX 256
const char *handover_request_text(const struct role_group *g,
    enum handover_outcome outcome, char buf[static HANDOVER_REQUEST_TEXT_MAX]);

/* Every group we are master of; then HANDED_OVER to the supervisor. */
void handover_request_ask_all(struct role *role);

/*
 * What the node tells of one group's handover, whoever wanted it: a refusal,
 * its outcome, or why it will not be offered (NODE_TELL_REFUSED, _OUTCOME,
 * _UNWILLING).
 */
void handover_request_tell(struct role_group *g, enum node_effect_type what,
    enum handover_outcome outcome);

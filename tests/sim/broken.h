#pragma once

/*
 * node_step() with a rule broken on purpose: simulation and model must notice,
 * or they prove nothing. Both are linked with --wrap=node_step, so the
 *product's inbox calls this one, and knows nothing of it.
 *
 *	early     claims too early: does not hear what is answered to its probes
 *	yield     yields to nobody, unless it has asked to be relieved
 *	keep      keeps the addresses after it let go
 *	handover  hands over, and claims at once
 */

#include "failover/election/node.h"

/* False: there is no such rule. */
MUST_CHECK bool broken_choose(const char *rule);

/* Sees each step that was made, as it was decided. */
typedef void broken_watch_fn(const struct node *before,
    const struct node *after, const struct node_event *ev,
    const struct node_out *out);
void broken_watch(broken_watch_fn *fn);

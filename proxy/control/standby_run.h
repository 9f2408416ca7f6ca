#pragma once

/*
 * The standby services of this relay. Feeds the decision of each (standby.h)
 * with what checks, operators and the peer say, and carries out what it asks
 * for: has fences run, changes who is active, and tells the supervisor, which
 * agrees on it with the peer. Services of one standby group are one unit.
 *
 * On the relay's main thread; owned by relay.c.
 */

#include "core/accord.h"
#include "core/base.h"
#include "core/msg.h"
#include "proxy/control/standby.h"

struct config;
struct ev_loop;
struct services;
struct standby_run;

struct standby_run_setup {
	struct ev_loop *loop;
	const struct config *config; /* borrowed */
	struct services *services;   /* likewise */
	const struct msg_group
	    *groups; /* likewise: how each stands here; void without a pair */
	int node;    /* our index, -1: there is no pair */
	int supervisor; /* the relay's channel, for CHOSEN and FENCE */
};

/* NULL where memory is out. */
MUST_CHECK struct standby_run *standby_run_new(
    const struct standby_run_setup *setup);
void standby_run_free(struct standby_run *m); /* takes NULL */

/* Something about a server of this service may be another. */
void standby_run_look(struct standby_run *m, size_t service);

/* Another node may decide now. `known`: see MSG_KNOWN. */
void standby_run_look_at_groups(struct standby_run *m);
void standby_run_set_known(struct standby_run *m, bool known);

/* An accord about who is active, by the peer or from before. */
void standby_run_agree(struct standby_run *m, const struct accord *a);

/* CHOSEN, the answer to one of ours. Returns 0 or -EBADMSG. */
MUST_CHECK int standby_run_take_chosen(
    struct standby_run *m, const struct msg_active *chosen);

/* FENCED. */
void standby_run_take_fenced(
    struct standby_run *m, const struct msg_fenced *fenced);

/*
 * An operator wants this server to be active. NULL: it is, or will be when the
 * fence has ended, as `ret_waits` tells; else why not.
 */
MUST_CHECK const char *standby_run_ask(
    struct standby_run *m, size_t service, unsigned server, bool *ret_waits);

/* Why the last one was made active, in words; "" where none was. */
const char *standby_run_reason(const struct standby_run *m, size_t service);

/* Why its last fence failed, with what it said; "": it did not, or is silent.
 */
const char *standby_run_fault(const struct standby_run *m, size_t service);

/* How the service's decision stands; NULL where it is none of standby. */
const struct standby *standby_run_standby(
    const struct standby_run *m, size_t service);

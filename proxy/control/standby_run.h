#pragma once

/*
 * The marshal: the standby services of this relay. Feeds the decision of each
 * (standby.h) with what checks, operators and the peer say, and carries out
 * what it asks for: has fences run, changes who is active, and tells the
 * supervisor, which agrees on it with the peer. Services of one standby group
 * are one unit.
 *
 * On the relay's main thread; owned by relay.c.
 */

#include "core/accord.h"
#include "core/base.h"
#include "core/msg.h"
#include "proxy/control/standby.h"

struct config;
struct ev_loop;
struct marshal;
struct roster;

struct marshal_setup {
	struct ev_loop *loop;
	const struct config *config;    /* borrowed */
	struct roster *roster;          /* likewise */
	const struct msg_group *groups; /* likewise: how each stands here */
	int node;                       /* our index, -1: there is no pair */
	/* Sends CHOSEN to the supervisor. */
	void (*choose)(void *arg, const struct msg_active *m);
	/* Sends FENCE to the supervisor. */
	void (*send)(void *arg, const struct msg_fence *m);
	void *arg;
};

/* NULL where memory is out. */
MUST_CHECK struct marshal *marshal_new(const struct marshal_setup *setup);
void marshal_free(struct marshal *m); /* takes NULL */

/* Something about a server of this service may be another. */
void marshal_look(struct marshal *m, size_t service);

/* Another node may decide now. `known`: see MSG_KNOWN. */
void marshal_look_at_groups(struct marshal *m);
void marshal_set_known(struct marshal *m, bool known);

/* An accord about who is active, by the peer or from before. */
void marshal_agree(struct marshal *m, const struct accord *a);

/* CHOSEN, the answer to one of ours. Returns 0 or -EBADMSG. */
MUST_CHECK int marshal_take_chosen(
    struct marshal *m, const struct msg_active *chosen);

/* FENCED. */
void marshal_take_fenced(struct marshal *m, const struct msg_fenced *fenced);

/*
 * An operator wants this server to be active. NULL: it is, or will be when the
 * fence has ended, as `ret_waits` tells; else why not.
 */
MUST_CHECK const char *marshal_ask(
    struct marshal *m, size_t service, unsigned server, bool *ret_waits);

/* How the service's decision stands; NULL where it is none of standby. */
const struct standby *marshal_standby(const struct marshal *m, size_t service);

#pragma once

/*
 * The pact: what both nodes agree on (accord.h), as this process knows it. What
 * is news from one of relay, peer and supervisor goes to the other two: the
 * relay acts by it, the supervisor keeps it on disk, the peer's relay and
 * supervisor do the same. Nothing here understands it, and nothing waits: who
 * does not read now is told later.
 */

#include "core/accords.h"
#include "core/base.h"

#include <ev.h>

struct role;

enum pact_side {
	PACT_RELAY,
	PACT_PEER,
	PACT_SUPERVISOR,
};

#define PACT_SIDES (PACT_SUPERVISOR + 1)

struct pact {
	struct role *role; /* borrowed: the one it is in */
	struct accords all;
	size_t told[PACT_SIDES]; /* the first so many are known there */
	ev_timer again;          /* for who did not read */
	bool peer_owed_end;      /* it has not heard yet that it knows all */
	bool known;              /* all that the peer knows, or it is away */
	bool known_owed;         /* the relay has not heard that */
	ev_timer patience;       /* until it counts as away */
};

void pact_init(struct role *role);
void pact_close(struct role *role);

/* What this side says. False: malformed, or more than there can be. */
MUST_CHECK bool pact_take(
    struct role *role, enum pact_side from, const void *body, size_t len);

/* The pair's sockets are open, or there is none: the peer is waited for. */
void pact_start(struct role *role);

/* The peer has told all that it knew. */
void pact_take_end(struct role *role);

/* Another relay, or another wire: it is told all. */
void pact_meet_relay(struct role *role);
void pact_meet_peer(struct role *role);

/* Tells everybody what they have not been told. */
void pact_pay(struct role *role);

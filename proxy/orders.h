#pragma once

/*
 * Orders: what is agreed on about servers (core/accord.h), as the relay knows
 * it and acts by it: who takes part, and with which weight. An operator's
 * command makes an accord here, which goes to failover and from there to the
 * peer and to disk; what comes from there is acted on in the same way. Of names
 * that the configuration does not have the accords are kept, and do nothing.
 *
 * On the relay's main thread; embedded in struct relay.
 */

#include "core/accords.h"
#include "core/base.h"

struct buf;
struct config;
struct marshal;
struct roster;

/* Sends ACCORDS to failover, where there is one. */
typedef void orders_send_fn(void *arg, const struct buf *body);

struct orders {
	const struct config *config; /* borrowed: the relay's */
	struct roster *roster;       /* likewise */
	struct marshal *marshal;     /* likewise: who is active is its affair */
	uint8_t node;                /* our index, 0 without a pair */
	orders_send_fn *send;
	void *arg;
	struct accords all;
};

/* What the rest is told of where an accord comes from. */
enum orders_source {
	ORDERS_KEPT, /* by the supervisor */
	ORDERS_PEER, /* by way of failover */
};

/* ACCORDS: returns 0 or -EBADMSG. */
MUST_CHECK int orders_take(
    struct orders *o, enum orders_source from, const void *body, size_t len);

/* Another failover is told all. */
void orders_tell_all(struct orders *o);

/*
 * An accord of ours, about which all but the epoch and the node is said: these
 * are filled in, in place of what was agreed on before, and the others are
 * told. Returns 0 or -errno.
 */
MUST_CHECK int orders_make(struct orders *o, struct accord *a);

/*
 * "server SERVICE/NAME WORD", as `hapair server` sends it. Returns the answer,
 * malloc'd: {"text": ...} or {"error": ...}; NULL where memory is out.
 */
char *orders_obey(struct orders *o, const char *request);

void orders_fini(struct orders *o);

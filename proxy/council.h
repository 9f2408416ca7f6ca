#pragma once

/*
 * The council: what this relay holds with others of its servers, as messages.
 * ACCORDS go to the orders and come from them (orders.h), KNOWN and FENCED are
 * the marshal's, as is FENCE (marshal.h). Embedded in struct relay.
 */

#include "proxy/orders.h"

#include "core/base.h"

struct chan_packet;
struct ev_loop;
struct marshal;
struct msg_group;

struct council_setup {
	struct ev_loop *loop;
	const struct config *config;    /* borrowed */
	struct roster *roster;          /* likewise */
	const struct msg_group *groups; /* likewise; void without a pair */
	unsigned node;                  /* MSG_NO_NODE: there is no pair */
	int supervisor;                 /* channel; the relay's */
	const int *failover;            /* likewise; -1 while there is none */
};

struct council {
	struct council_setup setup;
	struct orders orders;
	struct marshal *marshal; /* NULL: not begun */
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int council_begin(
    struct council *c, const struct council_setup *setup);
void council_fini(struct council *c); /* takes zeros */

/* ACCORDS, KNOWN or FENCED. Returns 0 or -EBADMSG. */
MUST_CHECK int council_take(
    struct council *c, enum orders_source from, const struct chan_packet *p);

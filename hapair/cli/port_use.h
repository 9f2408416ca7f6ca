#pragma once

/*
 * Whether an address to listen on is free, and who has it. Listeners share
 * their addresses among workers (SO_REUSEPORT), and so they would with any
 * other program of root's that does the same: the kernel would give it a part
 * of the clients, and nobody would be told. So this is asked first.
 *
 * Not shared is an address on which we listen where another program listens
 * everywhere: the kernel prefers the socket of the address. So hapair may move
 * in beside a haproxy whose `bind` names no address.
 */

#include "hapair/cli/listen_table.h"

#include <sys/types.h>

#define PORT_USE_TEXT (2 * ADDR_TEXT_MAX)

/* Who listens: the process, 0 where it cannot be found. */
struct port_use {
	pid_t pid;
	char name[LISTEN_TABLE_NAME];
	union addr listens; /* on this, maybe everywhere */
};

enum port_use_answer {
	PORT_USE_FREE,
	PORT_USE_BESIDE, /* free, but another program listens everywhere */
	PORT_USE_TAKEN,
	PORT_USE_UNUSABLE, /* for a reason that a listener will tell itself */
};

/*
 * Whether we may listen there; what is in use, or beside, is told in `ret_use`.
 * A hapair that is ending gets a moment to do so.
 */
MUST_CHECK enum port_use_answer port_use_await(
    const union addr *a, struct port_use *ret_use);

/*
 * The same at once, by a table that is there already. *ret_error: why it is
 * unusable, negative.
 */
MUST_CHECK enum port_use_answer port_use_look(const struct listen_table *t,
    const union addr *a, struct port_use *ret_use, int *ret_error);

/*
 * Whether hapair listens at this very address now. A socket whose process
 * cannot be found counts as its: only root finds all.
 */
bool port_use_is_ours(const struct listen_table *t, const union addr *a);

/* There: whether another program listens, too. */
MUST_CHECK enum port_use_answer port_use_look_for_others(
    const struct listen_table *t, const union addr *a,
    struct port_use *ret_use);

/*
 * As port_use_look(), of an address that a hapair which runs will have only
 * after its restart: its own sockets are gone by then.
 */
MUST_CHECK enum port_use_answer port_use_look_after_ours(
    const struct listen_table *t, const union addr *a, struct port_use *ret_use,
    int *ret_error);

/* "already in use by haproxy, process 12, which listens on 0.0.0.0:80" */
const char *port_use_text(
    const struct port_use *u, char buf[static PORT_USE_TEXT]);

/*
 * "haproxy, process 12, listens on 0.0.0.0:80; the clients of this address are
 * ours while hapair runs"
 */
const char *port_use_text_beside(
    const struct port_use *u, char buf[static PORT_USE_TEXT]);

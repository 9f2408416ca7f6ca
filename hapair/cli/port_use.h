#pragma once

/*
 * Whether an address to listen on is free, and who has it. Listeners share
 * their addresses among workers (SO_REUSEPORT), and so they would with any
 * other program of root's that does the same: the kernel would give it a part
 * of the clients, and nobody would be told. So this is asked first.
 */

#include "core/addr.h"

#include <sys/types.h>

#define PORT_USE_TEXT (2 * ADDR_TEXT_MAX)

/* Who listens: the process, 0 where it cannot be found. */
struct port_use {
	pid_t pid;
	char name[32];
	union addr listens; /* on this, maybe everywhere */
};

/*
 * Binds as nobody else may be bound beside, without listening. Returns 0,
 * -EADDRINUSE, or another -errno.
 */
MUST_CHECK int port_use_try(const union addr *a);

/*
 * The same, but a hapair that is ending gets a moment to do so. What is in use
 * after that is told in `ret_use`.
 */
MUST_CHECK int port_use_await(const union addr *a, struct port_use *ret_use);

/* Who listens there now; `pid` 0 and no name where nobody is found. */
struct port_use port_use_find(const union addr *a);

/* Whether another program listens there, whoever of ours does. */
bool port_use_is_shared(const union addr *a, struct port_use *ret_use);

/* "in use by haproxy, process 12, which listens on 0.0.0.0:80" */
const char *port_use_text(
    const struct port_use *u, char buf[static PORT_USE_TEXT]);

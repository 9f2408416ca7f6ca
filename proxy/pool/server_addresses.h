#pragma once

/*
 * The addresses that a server's name has, in the order in which they are tried,
 * and which of them is asked. The one that answered last is in use; where it
 * does not answer any more the others are asked, each once, and only when none
 * has answered the server has failed.
 *
 * Computes only. One per server, owned by check.c.
 */

#include "core/addr.h"

struct config_service;

#define SERVER_ADDRESSES_MAX 16

/* The empty value is zeros: no name, or none known yet. */
struct server_addresses {
	union addr all[SERVER_ADDRESSES_MAX]; /* their port is void */
	unsigned n;
	unsigned asked;  /* index of the one to ask */
	unsigned silent; /* so many in a row have not answered */
};

/*
 * The name has these now. Those of `family` come first (AF_UNSPEC: as they
 * are); `only`: the others are left out. The one that was asked is still asked
 * where it is among them. Returns whether another one is, or the first.
 */
bool server_addresses_set(struct server_addresses *s, const union addr *all,
    unsigned n, int family, bool only);

/* Whether this host, or its peer in the pair, has the address. */
typedef bool server_addresses_is_here_fn(const void *arg, const union addr *a);

/*
 * Leaves out those at which, with this port, the service itself listens: it
 * would be its own server, and connect until nothing is left. Returns how many
 * are left.
 */
MUST_CHECK unsigned server_addresses_drop_own(union addr *all, unsigned n,
    uint16_t port, const struct config_service *service,
    server_addresses_is_here_fn *is_here, const void *arg);

/*
 * The one that was asked has not answered: the next one is to be asked. Returns
 * whether that comes at once; else each of them has been asked.
 */
bool server_addresses_fail(struct server_addresses *s);

/* It has answered. */
void server_addresses_pass(struct server_addresses *s);

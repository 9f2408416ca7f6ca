#pragma once

/*
 * Names of servers, resolved in the background: the door to c-ares. Each name
 * is looked up at start and again and again (after its TTL, 1 s to 60 s; after
 * a failure in 1 s, doubling to 30 s), A and AAAA (AF_UNSPEC). A lookup that
 * fails keeps the last good address. /etc/hosts counts. On the relay's main
 * thread, in its libev loop; nothing here waits. A change of /etc/resolv.conf
 * is noticed at the next lookup.
 */

#include "core/addr.h"

struct ev_loop;
struct resolver;

#define RESOLVER_ADDRESSES_MAX 16

/*
 * A name has addresses, or others than before: `n` of them, 1 at least, in the
 * order of the answer, except that one which was the first and still is among
 * them stays the first. Their ports are 0. Comes from the loop, never from
 * within resolver_add; may call resolver_add, but not resolver_free.
 */
typedef void resolver_changed_fn(
    void *arg, unsigned id, const union addr *all, unsigned n);

/* NULL where memory is out or c-ares does not start. */
struct resolver *resolver_new(
    struct ev_loop *loop, resolver_changed_fn *on_change, void *arg);
void resolver_free(struct resolver *n);

/*
 * Looks `host` up from now on; on_change comes with `id`. The same host under
 * several ids is asked for once. Returns 0 or -ENOMEM.
 */
MUST_CHECK int resolver_add(struct resolver *n, const char *host, unsigned id);

/*
 * Asks this server, at its port, instead of those of /etc/resolv.conf, and
 * asks for all names again. For tests, and for whoever wants a key for it.
 * Returns 0, or -ENOMEM and all stays as it was.
 */
MUST_CHECK int resolver_use_server(
    struct resolver *n, const union addr *server);

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
struct names;

#define NAMES_ADDRESSES_MAX 16

/*
 * A name has addresses, or others than before: `n` of them, 1 at least, in the
 * order of the answer, except that one which was the first and still is among
 * them stays the first. Their ports are 0. Comes from the loop, never from
 * within names_add; may call names_add, but not names_free.
 */
typedef void names_changed_fn(
    void *arg, unsigned id, const union addr *all, unsigned n);

/* NULL where memory is out or c-ares does not start. */
struct names *names_new(
    struct ev_loop *loop, names_changed_fn *on_change, void *arg);
void names_free(struct names *n);

/*
 * Looks `host` up from now on; on_change comes with `id`. The same host under
 * several ids is asked for once. Returns 0 or -ENOMEM.
 */
MUST_CHECK int names_add(struct names *n, const char *host, unsigned id);

/*
 * Asks this server, at its port, instead of those of /etc/resolv.conf, and
 * asks for all names again. For tests, and for whoever wants a key for it.
 * Returns 0, or -ENOMEM and all stays as it was.
 */
MUST_CHECK int names_use_server(struct names *n, const union addr *server);

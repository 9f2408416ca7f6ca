#pragma once

/*
 * Who else is on a group's networks, in the shell: the default gateway, and
 * whom the kernel has met there lately (servers, clients). They are asked
 * whether they are there, so that a node knows whether it is itself that is cut
 * off; and any IP or ARP frame to this host, or to all, is listened for: who is
 * sent frames is not deaf.
 *
 * The kernel's tables and the listening sockets are a thread's: a table may be
 * long, and to open or close such a socket takes the kernel milliseconds. What
 * it finds it writes into a pipe. One per failover process; all calls by the
 * loop's thread.
 */

#include "core/base.h"
#include "failover/role.h"

/*
 * After proc_drop(): the thread has no more rights than its starter, and needs
 * CAP_NET_RAW. Returns 0 or -errno.
 */
MUST_CHECK int neighbours_start(struct role *role);
void neighbours_stop(struct role *role);

/*
 * Asks each of the group's, and listens for anybody. Who is heard comes as
 * NODE_SOMEBODY; that there is anybody to ask came as NODE_ASKABLE.
 */
void neighbours_ask(struct role_group *g);

/*
 * The i-th of them on one of its interfaces, the gateway first; NULL: there are
 * no more.
 */
const union addr *neighbours_get(
    const struct role_group *g, unsigned interface, unsigned i);

/*
 * After a claim, and after a cut: whom the kernel asked in vain, and would ask
 * again only after a second, is asked anew when something is sent to it.
 */
void neighbours_ask_anew(struct role_group *g);

#pragma once

/*
 * What failover gives the supervisor to hold for it: packet sockets
 * (fd_keeper.h), and the wire's. Nothing else is kept, so that a failover that
 * was taken over cannot have the supervisor keep a file, a terminal or another
 * process's channel open for it.
 */

#include "core/base.h"

struct channel_packet;
struct fd_keeper;

/* MSG_HOLD. Returns 0 or -EBADMSG: no packet socket, or too many. */
MUST_CHECK int lent_socket_hold(struct fd_keeper *k, struct channel_packet *p);

/*
 * MSG_WIRE or MSG_WIRE_DOWN. Closes what was in *wire, and takes the packet's
 * descriptor into it; or -EBADMSG: no TCP, or one that listens.
 */
MUST_CHECK int lent_socket_take_wire(int *wire, struct channel_packet *p);

#pragma once

/*
 * Knock: is somebody still at the peer's UDP port? Asked when the wire has
 * ended, with an empty datagram from a socket of its own: where all of the
 * peer's processes are gone its kernel answers with an ICMP port unreachable,
 * and that decides within a round trip. A port that is open is silent, and so
 * is a host that is gone: then nothing follows from it.
 *
 * Embedded in struct replica.
 */

#include "core/base.h"
#include "core/mono.h"

#include <ev.h>

struct role;

struct knock {
	struct role *role; /* borrowed */
	int fd;            /* -1: not asking */
	unsigned tries;
	struct mono heard; /* the last heartbeat, when we last asked */
	ev_io answer;
	ev_timer again;
};

void knock_init(struct knock *k, struct role *role);

/*
 * Asks, for 600 ms at most; what it finds is put into the inbox, unless a
 * heartbeat came meanwhile.
 */
void knock_begin(struct knock *k);
void knock_stop(struct knock *k);

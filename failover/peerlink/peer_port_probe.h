#pragma once

/*
 * Is somebody still at the peer's UDP port? Asked when the wire has ended, with
 * an empty datagram from a socket of its own: where all of the peer's processes
 * are gone its kernel answers with an ICMP port unreachable, and that decides
 * within a round trip. A port that is open is silent, and so is a host that is
 * gone: then nothing follows from it.
 *
 * Embedded in struct conn_sync.
 */

#include "core/base.h"
#include "core/mono.h"

#include <ev.h>

struct role;

struct peer_port_probe {
	struct role *role; /* borrowed */
	int fd;            /* -1: not asking */
	unsigned tries;
	struct mono heard; /* the last heartbeat, when we last asked */
	ev_io answer;
	ev_timer again;
};

void peer_port_probe_init(struct peer_port_probe *k, struct role *role);

/*
 * Asks, for 600 ms at most; what it finds is put into the inbox, unless a
 * heartbeat came meanwhile.
 */
void peer_port_probe_begin(struct peer_port_probe *k);
void peer_port_probe_stop(struct peer_port_probe *k);

#pragma once

/*
 * Heartbeats over the networks of groups, in the shell: as frames, where none
 * of the nodes' addresses and `links` is on a group's network. Where one is,
 * its heartbeats count as those of that network.
 *
 * The peer's hardware is learned from its frames. Until then, and where nothing
 * has come for long, one frame a second goes to everybody there.
 */

#include "core/base.h"
#include "failover/role.h"

struct msg_peer;

/* After proc_drop() it would be too late. Returns 0 or -errno. */
MUST_CHECK int heartbeat_segment_open(struct role *role);
void heartbeat_segment_close(struct role *role);

/* The socket, for the supervisor to keep (fd_keeper.h); -1: none. */
int heartbeat_segment_fd(const struct role *role);

/* Whether the peer is heard there, from now on. */
void heartbeat_segment_watch(struct role *role, bool on);

/* Which of the node's paths is that of a group's network, by its interface. */
unsigned heartbeat_segment_path(
    const struct role *role, unsigned group, unsigned interface);

/* A hello's packet goes out over all of them. */
void heartbeat_segment_transmit(
    struct role *role, const uint8_t *packet, size_t len);

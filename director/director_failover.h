#pragma once

/*
 * The channel to failover, which says whose addresses are where.
 */

#include "core/base.h"

struct channel_packet;
struct director_role;

/* Returns 0 or -ENOMEM. */
MUST_CHECK int director_failover_new(struct director_role *role);
void director_failover_free(struct director_role *role);

/* FAILOVER_CHANNEL: in place of the one before. Returns 0 or -EBADMSG. */
MUST_CHECK int director_failover_take(
    struct director_role *role, struct channel_packet *p);

/* What has waited for the maps is heard now. */
void director_failover_begin(struct director_role *role);

/* Tells it what is another now: whether the peer has all of a group. */
void director_failover_look(struct director_role *role);

/* The addresses of a group may go. */
void director_failover_released(struct director_role *role, unsigned group);

/* As its heartbeats say; not before failover has. */
bool director_failover_peer_lives(const struct director_role *role);

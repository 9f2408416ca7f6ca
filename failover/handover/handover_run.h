#pragma once

/*
 * What a group's handover asks for, in the shell: messages to the supervisor
 * and the relay, and the SYNs that are held (syn_hold.c).
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;
struct msg_reset;

/* Needs CAP_NET_RAW. Returns 0 or -errno. */
MUST_CHECK int handover_run_open(struct role *role);
void handover_run_close(struct role *role);

/* syn_hold's sockets, 0 and 1: for the supervisor to keep (fd_keeper.h). */
int handover_run_fd(const struct role *role, unsigned which);

/*
 * What becomes of new clients: NODE_DO_HOLD, _FORWARD, _GIVE_BACK, _LET_GO.
 * What can't be done is told, and left.
 */
void handover_run_hold(struct role_group *g, enum node_effect_type how);

/* Asks the supervisor to mute the listeners, or to let them answer. 0 or
 * -errno. */
MUST_CHECK int handover_run_mute(struct role_group *g, bool muted);

/* Asks the relay to reset all connections. 0 or -errno. */
MUST_CHECK int handover_run_drop(struct role_group *g);

/* What the supervisor and the relay answer. Returns 0 or -EBADMSG. */
MUST_CHECK int handover_run_take_mute(
    struct role *role, const struct channel_packet *p);
void handover_run_take_drop(struct role *role, const struct msg_reset *m);

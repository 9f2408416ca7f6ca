#pragma once

/*
 * What the configuration tracks, in the shell: looks at interfaces, takes what
 * the relay says of services and the supervisor of scripts, and lets the node
 * know: a fault of all groups, or another effective priority.
 */

#include "core/base.h"
#include "failover/role.h"

struct channel_packet;
struct netlink_change;

/* The configuration is loaded: all is well until something else is known. */
MUST_CHECK int track_new(struct role *role);
void track_free(struct role *role);

/* The groups are there, and have not begun. */
void track_begin(struct role *role);

void track_on_change(struct role *role, const struct netlink_change *c);

/* From the supervisor. Returns 0 or -EBADMSG. */
MUST_CHECK int track_take_script(
    struct role *role, const struct channel_packet *p);

/* From the relay. */
void track_take_service(struct role *role, const struct msg_service *m);

/* For `status`. */
struct msg_tracks track_message(const struct role *role);

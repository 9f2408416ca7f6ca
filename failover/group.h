#pragma once

/*
 * A group in the shell: announces its addresses, and tells supervisor, relay
 * and log how it stands. Decides nothing.
 */

#include "core/base.h"
#include "failover/role.h"

/* Fills the zeroed group, and adds it to the node with this id. */
void group_init(struct role *role, unsigned index, uint32_t id);

/* Announces anew: all, or one that has become usable. */
void group_announce(struct role_group *g);
void group_announce_address(struct role_group *g, unsigned i);
void group_end_announcing(struct role_group *g);

/* It has changed, or has another priority: keeps that, tells and logs it. */
void group_tell_change(struct role_group *g, const struct node_change *change);
void group_tell_priority(struct role_group *g, uint8_t before);

/* The kernel refuses other addresses than before. */
void group_tell_refused(struct role_group *g, uint32_t refused);

/* Sends how it stands to whom it is owed; again later where that fails. */
void group_tell(struct role_group *g);

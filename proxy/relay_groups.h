#pragma once

/*
 * How the groups of the pair stand, as failover has told last. Part of struct
 * relay, on its main thread.
 */

#include "core/base.h"

struct channel_packet;
struct config;
struct msg_group;

struct relay_groups {
	size_t n;
	struct msg_group *all; /* by the file; NULL: there is no pair */
	unsigned known;        /* a bit for each that was ever told of */
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int relay_groups_init(
    struct relay_groups *g, const struct config *config);
void relay_groups_fini(struct relay_groups *g); /* takes zeroes */

/*
 * MSG_GROUP. Returns 1 where the group's addresses have left this node, 0, or
 * -EBADMSG.
 */
MUST_CHECK int relay_groups_take(struct relay_groups *g,
    const struct channel_packet *p, unsigned *ret_group);

/* MSG_RESET: which group is to be reset. Returns 0 or -EBADMSG. */
MUST_CHECK int relay_groups_take_reset(const struct relay_groups *g,
    const struct channel_packet *p, unsigned *ret_group);

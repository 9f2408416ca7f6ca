#pragma once

/*
 * What the director has said last: how the kernel path stands, and what it
 * counts of each service and server. Its connections have places in the pools
 * as any other, and its counters are in the sums of services.h; what a director
 * before it has counted stays counted.
 *
 * On the relay's main thread; part of struct kernel_link.
 */

#include "core/base.h"
#include "core/kernel/msg_kernel.h"

struct channel_packet;
struct kernel_view_past;
struct services;

struct kernel_view {
	struct services *services; /* borrowed; NULL: not begun */
	bool is_said;              /* any of what follows was */
	struct msg_kernel_state state;
	int64_t work_wall_ms, peer_wall_ms; /* since when they are so */
	struct msg_kernel_service *of;      /* by service, as said last */
	struct kernel_view_past *past;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int kernel_view_init(
    struct kernel_view *v, struct services *services);
void kernel_view_fini(struct kernel_view *v); /* takes zeros */

/* Connections of a server, as said last. */
unsigned kernel_view_count(
    const struct kernel_view *v, unsigned service, unsigned server);

/* KERNEL_STATE, _SERVICE, _COUNT, _ACCUSED. Returns 0 or -EBADMSG. */
MUST_CHECK int kernel_view_take(
    struct kernel_view *v, const struct channel_packet *p);

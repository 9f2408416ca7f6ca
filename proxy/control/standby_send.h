#pragma once

/*
 * What standby services say to the supervisor: a fence or a promotion that is
 * to be run, and which server is active. Where the channel is full it waits,
 * and is said once the supervisor reads again. By place: one of each kind waits
 * for each service, the last that was meant, so what waits is bounded.
 *
 * One per standby_run, in the relay's main thread.
 */

#include "core/base.h"
#include "core/msg.h"

#include <ev.h>

struct standby_send_place;

struct standby_send {
	struct ev_loop *loop;
	int supervisor; /* channel; the relay's */
	size_t n;       /* services */
	struct standby_send_place *places;
	ev_timer again;
};

/* Returns 0 or -ENOMEM. */
MUST_CHECK int standby_send_init(
    struct standby_send *s, struct ev_loop *loop, int supervisor, size_t n);
void standby_send_fini(struct standby_send *s); /* takes zeros */

void standby_send_fence(struct standby_send *s, const struct msg_fence *fence);

/* False: an earlier one had not been said; there is one answer for both. */
MUST_CHECK bool standby_send_chosen(
    struct standby_send *s, const struct msg_active *chosen);
